"""The wire: netlink, vici, packets, pcap, inotify. Used by the programs that run inside the guest; standard library and `vici`
only, and light: an import that costs 10 ms here costs 100 ms there."""
