"""Semantics of Windows PowerShell 5.1 that provisioning scripts meet: source -> output, each object as text.

Sources: about_* of learn.microsoft.com (Operators, Operator_Precedence, Arithmetic_Operators, Comparison_Operators, Type_Conversion,
Arrays, Hash_Tables, Scopes, Switch, Functions_Advanced_Parameters, Numeric_Literals, Split, Join).
"""

from __future__ import annotations

import pytest
from twin_scripts import run

NUMBERS = [
    ("(2147483647 + 1).GetType().Name; 2147483647 + 1", ["Double", "2147483648"]),
    ("2147483648.0 -eq 2147483648; (2147483648).GetType().Name; (5L).GetType().Name", ["True", "Int64", "Int64"]),
    ("([long]2147483647 + 1).GetType().Name", ["Int64"]),
    ("10 / 3; 10 / 5; (10 / 5).GetType().Name; 7 % 3; -7 % 3; 5.5 % 2", ["3.33333333333333", "2", "Int32", "1", "-1", "1.5"]),
    ("[int]2.5; [int]3.5; [int]-2.5; [int]'1.5'; [int]$true; [int]''; [int]$null", ["2", "4", "-2", "2", "1", "0", "0"]),
    ("0.1 + 0.2; 1e15; 1e14; 0.00001; 1.0", ["0.3", "1E+15", "100000000000000", "1E-05", "1"]),
    ("0xFFFFFFFF; 0x80000000; (0x100000000).GetType().Name; 0x7fffffff", ["-1", "-2147483648", "Int64", "2147483647"]),
    ("-bnot 0; -bnot 5; -bnot [uint32]1; -bnot [long]0", ["-1", "-6", "4294967294", "-1"]),
    ("1 -shl 31; 1 -shl 32; -8 -shr 1; [long]1 -shl 31", ["-2147483648", "1", "-4", "2147483648"]),
    ("([uint32]4294967295 -band 1).GetType().Name; 12 -bxor 10; 0x04000000 -bor 2", ["Int64", "6", "67108866"]),
    ("$x = 2; $x -band 3 -eq 3", ["0"]),  # comparisons bind tighter
    ("2gb; (2gb).GetType().Name; 1kb; 1.5kb", ["2147483648", "Int64", "1024", "1536"]),
    ("1.0 / 0; -1.0 / 0", ["Infinity", "-Infinity"]),
    ("$i = 5; $j = $i++; $k = ++$i; $j; $k; $i--; $i; $n++; $n", ["5", "7", "6", "1"]),
    ("$true + 1; $null + 5; 5 + $null; -'5'; +'7'", ["2", "5", "5", "-5", "7"]),
    ("2,3,4 -ge 3; [byte]255 + 1; ([byte]1 + [byte]1).GetType().Name", ["3", "4", "256", "Int32"]),
    ("[int]::MaxValue; [uint32]::MaxValue; [long]::MinValue", ["2147483647", "4294967295", "-9223372036854775808"]),
    ("[math]::Round(2.5); [math]::Floor(-1.5); [math]::Max(1, 2.5); [math]::Abs(-3); [math]::Ceiling(1.2)", ["2", "-2", "2.5", "3", "2"]),
    ("[convert]::ToInt32('ff', 16); [convert]::ToInt32('FFFFFFFF', 16); [convert]::ToString(-1, 16); [convert]::ToString(10, 2)",
     ["255", "-1", "ffffffff", "1010"]),
    ("1..3 + 4; 3..1; 1.5..3", ["1", "2", "3", "4", "3", "2", "1", "2", "3"]),
]
TEXT = [
    ("'5' + 3; 3 + '5'; '5' * 3; '10' / 2; '5' - 2", ["53", "8", "555", "5", "3"]),
    ("'a' + 1 + 2; 1 + 2 + 'a'.Length", ["a12", "4"]),
    ("$o = [pscustomobject]@{ y = 5 }; \"$($o.y) $o.y `$o `\"q`\" `t|\"", ["5 @{y=5}.y $o \"q\" \t|"]),
    ("$a = 1,2; \"$a $a[0] $($a[0]) ${a}x\"", ["1 2 1 2[0] 1 1 2x"]),
    ("\"$(1,(2,3)) $null| $true $(@())|\"", ["1 System.Object[] | True |"]),
    ("'It''s'; \"a`nb\".Length; 'a`nb'.Length", ["It's", "3", "4"]),
    ("@'\n$x \"q\"\n'@; $v = 1; @\"\n$v \"\" `$v\n\"@", ["$x \"q\"", "1 \"\" $v"]),
    ("'abc'[0]; 'abc'[-1]; 'abc'[0,2] -join ''; 'abc'[0] -is [char]; [int]'5'[0]; [int][char]'A'", ["a", "c", "ac", "True", "53", "65"]),
    ("'a,b,c' -split ','; ('a,b,c' -split ',', 2)[1]; -split ' a  b '; 'a1b' -split '(\\d)'", ["a", "b", "c", "b,c", "a", "b", "a", "1", "b"]),
    ("1,2,3 -join '-'; -join ('a','b'); (1,(2,3)) -join ','", ["1-2-3", "ab", "1,2 3"]),
    ("'abc' -replace 'B','x'; 'abc' -creplace 'B','x'; 'abc' -replace '(b)','[$1$$]'; 'a.b' -replace '\\.'; 'ab','cb' -replace 'b'",
     ["axc", "abc", "a[b$]c", "ab", "a", "c"]),
    ("'x1' -replace '(?<n>\\d)','<${n}>'; 'a' -replace 'a','$&$&'; 'a' -replace 'a','$5'", ["x<1>", "aa", "$5"]),
    ("'k=v' -match '(?<key>\\w)=(?<val>\\w)'; $Matches.key; $Matches['val']; $Matches.Count",
     ["True", "k", "v", "3"]),
    ("if ('v12' -notmatch 'v(\\d+)') { 'no' }; $Matches[1]", ["12"]),
    ("'abc' -like 'A*'; 'abc' -clike 'A*'; 'a[b' -like 'a`[b'; 'ab' -like 'a[a-c]'; 'a!' -like 'a[!b]'", ["True", "False", "True", "True", "True"]),
    ("' x '.Trim() + '|'; 'xxaxx'.Trim('x'); 'a;b,c'.Split(';,').Count; 'a,,b'.Split(',', 2)[1]", ["x|", "a", "3", ",b"]),
    ("'a,,b'.Split(',', 'RemoveEmptyEntries').Count; 'Abc'.StartsWith('a'); 'Abc'.StartsWith('a', 'OrdinalIgnoreCase')", ["2", "False", "True"]),
    ("'abcabc'.IndexOf('c', 3); 'abc'.IndexOf('z'); 'ab'.PadLeft(4, '0'); 'abc'.Substring(1); 'abc'.Remove(1, 1)", ["5", "-1", "00ab", "bc", "ac"]),
    ("[string]::IsNullOrEmpty($null); [string]::IsNullOrEmpty(0); [string]::IsNullOrWhiteSpace(' ')", ["True", "False", "True"]),
    ("[string]::Join(',', 'a', 'b'); [string]::Format('{0}-{1}', 1, 'x'); [string]12.50", ["a,b", "1-x", "12.5"]),
    ("$m = [regex]::Match('id=42', 'id=(\\d+)'); $m.Success; $m.Groups[1].Value; ([regex]::Matches('a1b2', '\\d')).Count", ["True", "42", "2"]),
    ("'a' -eq 'A'; 'a' -ceq 'A'; 'a' -ieq 'A'; 'b' -gt 'a'; 'a10' -lt 'a9'", ["True", "False", "True", "True", "True"]),
    ("$x = 'dir'; Write-Output $x\\sub; Write-Output a$x.b; Write-Output a$(1+1)b", ["dir\\sub", "adir.b", "a2b"]),
    ("Write-Output -1 | ForEach-Object { $_ + 1 }; Write-Output 010; Write-Output a b", ["0", "10", "a", "b"]),
]
COMPARISONS = [
    ("$null -eq @(); $null -eq ''; $null -eq 0; $false -eq $null; '' -eq $null; 0 -eq ''", ["False", "False", "False", "False", "False", "True"]),
    ("(1,2,3,2 -eq 2).Count; @(1,$null,3 -eq $null).Count; 'a','B','a' -ne 'A'; (@() -eq $null).Count", ["2", "1", "B", "0"]),
    ("5 -eq '5'; '5' -eq 5; 5 -eq 'x'; $true -eq 'x'; 1 -eq $true; '1.0' -eq 1; 1 -eq '1.0'", ["True", "True", "False", "True", "True", "False", "True"]),
    ("if (@(0)) { 'y' } else { 'n' }; if (@(0,0)) { 'y' }; if ('0') { 'y' }; if (@()) { 'y' } else { 'n' }", ["n", "y", "y", "n"]),
    ("1,2 -contains 2; 'A' -in 'a','b'; 'a' -cin 'A'; 3 -notin 1,2; 'x','y' -ccontains 'X'", ["True", "True", "False", "True", "False"]),
    ("5 -is [int]; 5 -is [long]; '5' -is [string]; @() -is [array]; 1.5 -is [double]; @{} -is [hashtable]; [ordered]@{} -is [hashtable]",
     ["True", "False", "True", "True", "True", "True", "False"]),
    ("5 -isnot [string] -and $true; 'x' -is [string] -and 'y' -is [string]", ["True", "True"]),
    ("'5' -as [int]; ('x' -as [int]) -eq $null; (5 -as [string]).GetType().Name", ["5", "True", "String"]),
    ("-not 1 -eq 2; !$false -and $true; $true -xor $true", ["False", "True", "False"]),
    ("$PSVersionTable.PSVersion.Major; $PSVersionTable.PSVersion -ge [version]'5.1'; [version]'10.0' -gt [version]'9.1'", ["5", "True", "True"]),
    ("@('apple','fig') -like '*p*'; 'a1','b2' -match '1'", ["apple", "a1"]),
]
COLLECTIONS = [
    ("@($null).Count; @().Count; @(1).Count; $null.Count; (5).Count; 'abc'.Count; 'abc'.Length; @(,(1,2)).Count", ["1", "0", "1", "0", "1", "1", "3", "1"]),
    ("function F { $null }; @(F).Count; function G {}; @(G).Count; function H { return $null }; @(H).Count", ["1", "0", "1"]),
    ("$x = (& {}); @($x | ForEach-Object { 'y' }).Count; $y = $null; @($y | ForEach-Object { 'y' }).Count", ["0", "1"]),
    ("function F { ,@(1,2) }; (F).Count; function G { @(1) }; (G) -is [array]; $z = @(G); $z.GetType().Name", ["2", "False", "Object[]"]),
    ("$a = 1,2,3; $b = $a; $b[0] = 9; $a[0]; $a += 4; $b.Count; $a.Count", ["9", "3", "4"]),
    ("$a, $b = 1,2,3; $b.Count; $c, $d = 1; $null -eq $d; $e = $f = 5; $e + $f", ["2", "True", "10"]),
    ("(1,2,3)[-1]; (1,2,3)[5] -eq $null; ((1,2,3)[1..9]).Count; (1,2,3)[0,2] -join ','; @(1,2)[0]", ["3", "True", "2", "1,3", "1"]),
    ("@(1,2) + 3 + @(4); (@(1,2) * 2).Count; @() + $null | Measure-Object | % Count", ["1", "2", "3", "4", "4", "0"]),
    ("[int[]]$n = '1','2'; $n[0] + 1; $n.GetType().Name; $n[1] = '7'; $n[1] + 1; [string[]](1,2) -is [string[]]", ["2", "Int32[]", "8", "True"]),
    ("@([pscustomobject]@{ N = 'a' }).N.Length; (@{ N = 1 }, @{ N = 2 }).N -join ','", ["1", "1,2"]),
    ("$l = 'z','b'; $l.IndexOf('b'); $l.Contains('z'); [int]'0x7fffffff'", ["1", "True", "2147483647"]),
    ("foreach ($x in $null) { 'never' }; foreach ($x in @($null)) { 'once' }; foreach ($b in [byte[]](1,2)) { $b.GetType().Name }", ["once", "Byte", "Byte"]),
    ("$h = @{ a = 1 }; $h.b = 2; $h['A'] = 3; $h.Count; $h.a; $h.ContainsKey('B'); $h.Remove('a'); $h.Count; @{}.Count", ["2", "3", "True", "1", "0"]),
    ("$h = @{ 1 = 'i' }; $h[1]; $h['1'] -eq $null; $h[[long]1] -eq $null; $h.Keys.Count", ["i", "True", "True", "1"]),
    ("$o = [ordered]@{ z = 1; a = 2 }; $o.Keys; $o[0]; $o['a']; foreach ($e in $o.GetEnumerator()) { \"$($e.Key)=$($e.Value)\" }",
     ["z", "a", "1", "2", "z=1", "a=2"]),
    ("foreach ($k in @($o = @{ a = 1 }; $o.Keys)) { $o[$k] = 2 }; $o.a", ["2"]),
    ("$p = [pscustomobject]@{ A = 1; B = 'x' }; $p.PSObject.Properties.Name -join ','; [bool]$p.PSObject.Properties['c']; $p.PSObject.Properties['a'].Value; \"$p\"",
     ["A,B", "False", "1", "@{A=1; B=x}"]),
    ("(1..4).Where({ $_ -gt 2 }) -join ','; (1,2).ForEach({ $_ * 2 }) -join ','; (' a ',' b').Trim() -join ','", ["3,4", "2,4", "a,b"]),
]
SCOPES = [
    ("$x = 1; function F { $x = 2; $script:x; $global:x; $local:x }; F; $x", ["1", "1", "2", "1"]),
    ("$x = 1; function F { $script:x = 5 }; F; $x; & { $x = 9 }; $x; . { $x = 9 }; $x", ["5", "5", "9"]),
    ("$c = 0; 1..3 | ForEach-Object { $c += $_ }; $c; function G { $c++; $c }; G; $c", ["6", "7", "6"]),
    ("$null = 5; $null -eq 5; $n = $null; $null -eq $n", ["False", "True"]),
    ("[int]$i = '5'; $i = '7'; $i + 1; [string]$s = 1; $s = 2; $s + 1", ["8", "21"]),
    ("function F([int]$n) { $n = '7'; $n + 1 }; F 1; function G([int]$n, [string]$s, [bool]$b, $o) { $n; \"[$s]\"; $b; $null -eq $o }; G", ["8", "0", "[]", "False", "True"]),
    ("function F([switch]$S) { $S -eq $true; [bool]$S; $S.IsPresent }; F -S; F -S:$false", ["True", "True", "True", "False", "False", "False"]),
    ("function F($a, $b = 'd') { \"$a-$b-$args\" }; F 1; F 1 2 3 4; F -b x y", ["1-d-", "1-2-3 4", "y-x-"]),
    ("function F([string]$Name, [string[]]$L) { $Name; $L.Count }; $h = @{ Name = 'n'; L = 'a','b' }; F @h; $v = 'x','y'; F @v", ["n", "2", "x", "1"]),
    ("function F([Parameter(Mandatory)][string]$A) { $A }; F -A q; F q", ["q", "q"]),
    ("function F([string]$v) { $v }; F 1.0; F 0x10; F 10MB", ["1.0", "0x10", "10MB"]),
    ("function F { begin { 'b' } process { if ($_ -eq 2) { return }; \"p$_\" } end { 'e' } }; 1,2,3 | F", ["b", "p1", "p3", "e"]),
    ("function F { $input.Count }; 1,2 | F; function global:G { 'g' }; & { G }", ["2", "g"]),
    ("$b = { param([int]$x = 3) $x + 1 }; & $b; & $b '4'; $b.Invoke(1)", ["4", "5", "2"]),
    ("1,2,3 | ForEach-Object { if ($_ -eq 2) { return }; $_ }; 'after'", ["1", "3", "after"]),
    ("1,2 | ForEach-Object { try { throw 'x' } catch { 'c' }; $_ }; 'a' | % { switch ('s') { 's' { $_ } }; $_ }", ["c", "1", "c", "2", "s", "a"]),
    ("$env:LAB = 'v'; $env:LAB; $env:LAB = $null; $null -eq $env:LAB; \"${env:lab}|\"", ["v", "True", "|"]),
]
FLOW = [
    ("switch (1) { default { 'd' } 1 { 'one' } }; switch (5) { 1 { 'x' } default { 'd' } }", ["one", "d"]),
    ("switch (1,2,3) { 1 { 'a'; continue } 2 { 'b'; break } { $_ -lt 9 } { 'lt' } }", ["a", "b"]),
    ("switch ('abc') { 'ABC' { 1 } { $_ -like 'a*' } { 2 } }; switch -Wildcard ('abc') { 'a*' { 3 } '?bc' { 4 } }", ["1", "2", "3", "4"]),
    ("switch -Regex ('id7') { 'id(\\d)' { $Matches[1] } }; switch ('5') { 5 { 'five' } }", ["7", "five"]),
    ("for ($i = 0; $i -lt 5; $i++) { if ($i -eq 1) { continue }; if ($i -eq 3) { break }; $i }", ["0", "2"]),
    ("$i = 0; do { $i++ } while ($i -lt 3); $i; do { $i-- } until ($i -le 0); $i", ["3", "0"]),
    ("foreach ($x in 1,2) { switch ($x) { 1 { continue } }; \"x$x\" }", ["x1", "x2"]),
    ("$r = foreach ($x in 1..3) { if ($x -eq 2) { continue }; $x }; $r -join ','; $e = if ($false) { 1 }; $null -eq $e", ["1,3", "True"]),
    ("$x = @(if ($true) { 1 }); $x.Count; $t = $(1; 2); $t.Count; ($q = 3)", ["1", "2", "3"]),
    ("1..10 | Where-Object { $_ % 2 -eq 0 } | Select-Object -First 2; 1..5 | Select-Object -Last 1; 1..5 | Select-Object -Skip 3", ["2", "4", "5", "4", "5"]),
    ("'b','a','C' | Sort-Object; 3,1,2 | Sort-Object -Descending | Select-Object -First 1; 1,2,1 | Sort-Object -Unique", ["a", "b", "C", "3", "1", "2"]),
    ("$l = @{ n = 'b'; k = 1 }, @{ n = 'a'; k = 2 }, @{ n = 'a'; k = 1 } | % { [pscustomobject]$_ }; ($l | Sort-Object n, k | % { \"$($_.n)$($_.k)\" }) -join ','", ["a1,a2,b1"]),
    ("(1..4 | Measure-Object -Sum -Average -Maximum).Sum; (1..4 | Measure-Object -Average).Average; (@() | Measure-Object).Count", ["10", "2.5", "0"]),
    ("'a','b','A' | Group-Object | ForEach-Object { \"$($_.Name)=$($_.Count)\" }; 'x','y','x' | Select-Object -Unique", ["a=2", "b=1", "x", "y"]),
    ("[pscustomobject]@{ A = 1; B = 2 } | Select-Object A, @{ Name = 'S'; Expression = { $_.A + $_.B } } | ForEach-Object { \"$_\" }", ["@{A=1; S=3}"]),
    ("'a','b' | ForEach-Object ToUpper; 'ab' | % Length; @{ k = 'v' } | % k", ["A", "B", "2", "v"]),
    ("1..3 | ForEach-Object -Begin { $s = 0 } -Process { $s += $_ } -End { $s }", ["6"]),
    ("[pscustomobject]@{ N = 'x'; V = 5 } | Where-Object V -ge 5 | ForEach-Object N; 'a' | Where-Object { $_ -ne 'a' }", ["x"]),
]


@pytest.mark.parametrize(("script", "expected"), [*NUMBERS, *TEXT, *COMPARISONS, *COLLECTIONS, *SCOPES, *FLOW])
def test_semantics(script: str, expected: list[str]) -> None:
    assert run(script) == expected
