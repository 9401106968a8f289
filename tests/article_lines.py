"""The article's commands as it prints them, each in one line; its secret is XXX."""

NETSH = ('netsh advfirewall consec add rule name="Dummy" endpoint1=192.168.3.1/32 endpoint2=any mode=tunnel action=requireinrequireout auth1=computerpsk'
         ' auth1psk="XXX"')
CMDLETS = ('New-NetIPsecRule -DisplayName "Dummy" -Phase1AuthSet (New-NetIPsecPhase1AuthSet -DisplayName "Dummy" -Proposal (New-NetIPsecAuthProposal'
           ' -Machine -PreSharedKey "XXX")).InstanceID -InboundSecurity Require -OutboundSecurity Require -KeyModule IKEv1 -Mode Tunnel -LocalAddress'
           ' 192.168.3.1/32 -RemoteAddress Any')
ROOT = (r'New-SelfSignedCertificate -CertStoreLocation Cert:\CurrentUser\My -KeyAlgorithm RSA -KeyLength 4096 -KeyExportPolicy Exportable -KeyUsage'
        ' CertSign -NotAfter 2061-08-01 -Subject "CN=insert your name here" -Type Custom')
CONSTRAINED_ROOT = ROOT + ' -TextExtension "2.5.29.19={text}CA=True"'
