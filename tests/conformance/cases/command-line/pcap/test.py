assert (driver.out_dir / "vlan1.pcap").stat().st_size >= 24
