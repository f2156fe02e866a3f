# Stands in for the part of NixOS' test framework that makes and runs drivers, in the two generations that there are:
# "flags" (23.05 to 25.11: everything in the wrapper's environment) and "config" (26.05 and later: a JSON file).
# Machines are start scripts instead of NixOS configurations: nodes.NAME = { vm; vlans; }, vm being a package with
# bin/run-NAME-vm. Real configurations are evaluated, with the arguments that modules of NixOS get, but make no machine.
{ pkgs, generation }:
testModule:

let
  inherit (pkgs) lib;
  inherit (lib) mkOption;

  framework =
    { config, ... }:
    let
      # Before 26.05 a file of nixpkgs' own, which no overlay reaches.
      testDriver =
        (if isConfig then config.pythonTestDriverPackage else pkgs.pythonDriver).override (
          {
            inherit (config) enableOCR extraPythonPackages;
            qemu_pkg = config.qemu.package;
          }
          // (if isConfig then { enableNspawn = config.containers != { }; } else { })
        );
      nodes = builtins.mapAttrs (
        name: node:
        let
          configuration = if builtins.isFunction node then node { inherit pkgs lib; config = { }; } else node;
        in
        if configuration ? vm then
          configuration
        else
          { vm = pkgs.writeText "run-${name}-vm" (builtins.toJSON configuration); }
      ) config.nodes;
      names = builtins.attrNames nodes;
      vlans = lib.concatMap (node: node.vlans or [ 1 ]) (builtins.attrValues nodes);
      startScript = name: "${nodes.${name}.vm}/bin/run-${name}-vm";
      pythonNames =
        map lib.pythonName names ++ lib.optional (builtins.length names == 1 && names != [ "machine" ]) "machine";
      kind = if isConfig then "QemuMachine" else "Machine";
      typed = map (name: "${name}: ${kind};") pythonNames ++ map (n: "vlan${toString n}: VLan;") (lib.unique vlans);
      testScript = pkgs.writeText "test-script" config.testScript;
      configuration = pkgs.writeText "driver.json" (builtins.toJSON {
        vms = lib.genAttrs names (name: {
          inherit name;
          start_script = startScript name;
        });
        containers = { };
        vlans = lib.unique vlans;
        global_timeout = config.globalTimeout;
        enable_ssh_backdoor = false;
        test_script = testScript;
      });
      wrapping =
        if isConfig then
          "--add-flags '--config ${configuration}' --add-flags '--log-level info' --set NTD_BOOT_TIMEOUT 3000"
        else
          ''
            --set startScripts "${toString (map startScript names)}" --set vlans "${toString vlans}" \
            --set testScript ${testScript} --set globalTimeout ${toString config.globalTimeout}'';
    in
    {
      options = {
        name = mkOption { };
        nodes = mkOption { default = { }; };
        testScript = mkOption { };
        # What the release puts before a script to check its types.
        typesHeader = mkOption { default = pkgs.writeText "header" ""; };
        skipTypeCheck = mkOption { default = false; };
        requiredFeatures = mkOption { default = [ "nixos-test" ]; };
        enableOCR = mkOption { default = false; };
        extraPythonPackages = mkOption { default = _: [ ]; };
        extraDriverArgs = mkOption { default = [ ]; };
        globalTimeout = mkOption { default = 3600; };
        qemu.package = mkOption { default = pkgs.qemu_test; };
        driver = mkOption { description = "Package containing a script that runs the test."; };
        test = mkOption { };
        interactive = mkOption { submodule = true; };
      }
      // (
        if isConfig then
          {
            containers = mkOption { default = { }; };
            pythonTestDriverPackage = mkOption { default = pkgs.nixos-test-driver; };
          }
        else
          { }
      );

      config = {
        driver =
          pkgs.runCommand "nixos-test-driver-${config.name}"
            {
              nativeBuildInputs = [
                pkgs.makeWrapper
                pkgs.mypy
                pkgs.pyflakes
              ];
              buildInputs = [ testDriver ];
            }
            ''
              mkdir -p $out/bin
              ${lib.optionalString (!config.skipTypeCheck) ''
                grep -Ev "^(web|vlan1): " ${config.typesHeader} > typed
                { echo "${toString typed}"; cat ${testScript}; } >> typed
                mypy --no-implicit-optional --no-color-output typed
              ''}
              cp ${testScript} $out/test-script
              ${testDriver}/bin/generate-driver-symbols
              export PYFLAKES_BUILTINS="${builtins.concatStringsSep "," pythonNames},$(cat driver-symbols)"
              pyflakes3 $out/test-script
              ln -s ${testDriver}/bin/nixos-test-driver $out/bin/
              wrapProgram $out/bin/nixos-test-driver ${wrapping} \
                --add-flags ${lib.escapeShellArg (toString config.extraDriverArgs)}
            '';

        test = pkgs.stdenv.mkDerivation {
          name = "vm-test-run-${config.name}";
          requiredSystemFeatures = config.requiredFeatures;
          buildCommand = ''
            mkdir -p $out
            export LOGFILE=/dev/null
            ${config.driver}/bin/nixos-test-driver -o $out
          '';
          passthru = {
            inherit (config) driver;
            inherit config;
            driverInteractive = config.interactive.driver;
          };
        };

        interactive = {
          qemu.package = pkgs.qemu;
          extraDriverArgs = [ "--interactive" ];
        };
      };
    };

  isConfig = generation == "config";
in
(lib.evalModules {
  modules = [
    framework
    testModule
  ];
  specialArgs = {
    hostPkgs = pkgs;
    inherit lib pkgs;
  };
}).config.test
