assert not (driver.out_dir / "x.xml").exists() or (driver.out_dir / "x.xml").stat().st_size == 0
