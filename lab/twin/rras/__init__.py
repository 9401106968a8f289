"""What the machine's state means for the VPN: `effective` is a pure function to a configuration, `engine` applies one.

`policy` is the table of [MS-RRASM] 2.2.3.4.2.8, `inversions` turns single behaviours round to see whether the tests notice.
"""
