own = create_machine("env >env; exec $FAKE_VM", name="own")
own.start()
place = own.state_dir / "own-efi-vars.fd"
assert f"NIX_EFI_VARS={place}" in (own.state_dir / "env").read_text().splitlines()
assert own.efi_vars_path == place == own.efi_vars.state_path
own.crash()
