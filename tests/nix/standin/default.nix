# Stands in for nixpkgs, which the tests cannot have: a few packages made of links to Debian's programs, a stdenv whose
# derivations really build, and the part of NixOS' test framework that makes and runs drivers (testing.nix).
{
  pythonVersion, # of Debian's Python, such as 3.11
  root, # where builds find this machine's /usr
  prebuilt ? null, # the installed driver, in place of building it again
  generation ? "config", # of the test framework, see testing.nix
  isLinux ? true, # or Darwin, of which there is so much that expressions can be evaluated
  overlays ? [ ],
}:

let
  lib = import ./lib.nix;

  derivationWith =
    makeAttributes:
    let
      attributes = makeAttributes attributes;
      own = removeAttrs attributes [
        "passthru"
        "meta"
        "cmakeFlags"
      ];
      drv = derivation (
        own
        // {
          name = attributes.name or "${attributes.pname}-${attributes.version}";
          system = builtins.currentSystem;
          builder = "${root}/bin/bash";
          args = [ ./setup.sh ];
          cmakeFlags = toString (attributes.cmakeFlags or [ ]);
        }
        // (if prebuilt != null && attributes ? cmakeFlags then { inherit prebuilt; } else { })
      );
    in
    drv
    // (attributes.passthru or { })
    // {
      inherit (attributes) meta;
      overrideAttrs = change: derivationWith (final: makeAttributes final // change (makeAttributes final));
    }
    // (if attributes ? pname then { inherit (attributes) pname version; } else { });

  mkDerivation =
    given:
    derivationWith (
      final:
      {
        meta = { };
        initialPath = "${tools}/bin";
        inherit root;
      }
      // (if builtins.isFunction given then given final else given)
    );

  # A package of links to programs of this machine. Those live in ${root}, which is its /usr (see ../nix.py): a sandbox
  # has no /usr/bin, no /bin/bash, and what needs them must fail here as it does on NixOS.
  debian =
    pname: programs:
    derivation {
      name = "${pname}-debian";
      system = builtins.currentSystem;
      builder = "${root}/bin/bash";
      args = [ ./link-programs.sh ];
      inherit root programs;
    }
    // {
      inherit pname;
    };

  # As in nixpkgs: bash, a compiler, coreutils (those that tests use), and the like.
  tools = debian "tools" (
    [ "bash" "sh" "as" "ld" "c++" "cc" "ar" "ranlib" "sed" "grep" "find" "xargs" "awk" "diff" "cmp" "tar" "gzip" ]
    ++ [ "base64" "basename" "cat" "chmod" "cp" "cut" "date" "dd" "dirname" "echo" "env" "expr" "head" "id" "ln" "ls" ]
    ++ [ "mkdir" "mkfifo" "mktemp" "mv" "nproc" "od" "printf" "pwd" "readlink" "realpath" "rm" "rmdir" "seq" "sha256sum" ]
    ++ [ "sleep" "sort" "stat" "sync" "tail" "tee" "test" "timeout" "touch" "tr" "true" "tty" "uname" "uniq" "wc" "yes" ]
  );

  python3 =
    debian "python3" [ "python3" ]
    // rec {
      inherit pythonVersion;
      sitePackages = "lib/python${pythonVersion}/site-packages";
      pkgs = {
        pybind11 = debian "pybind11" [ ];
        # A package for test scripts.
        greeting = mkDerivation {
          pname = "greeting";
          version = "1";
          buildCommand = ''
            mkdir -p $out/${sitePackages}/greeting
            cd $out/${sitePackages}/greeting
            touch py.typed
            echo 'def greet(name: str) -> str: return f"hello {name}"' > __init__.py
          '';
        };
      };
      withPackages =
        choose:
        mkDerivation {
          name = "python3-env";
          packages = choose pkgs;
          # As in nixpkgs: all of Python by links, a program that is a script, no pyvenv.cfg. (Debian's Python
          # calls the folder dist-packages.)
          buildCommand = ''
            mkdir -p $out/bin $out/lib/python${pythonVersion}
            ln -s ${root}/lib/python3 $out/lib/
            for file in ${root}/lib/python${pythonVersion}/*; do
              [[ $file = */dist-packages ]] || ln -s $file $out/lib/python${pythonVersion}/
            done
            mkdir $out/lib/python${pythonVersion}/dist-packages
            for package in $packages; do
              for file in $package/${sitePackages}/*; do ln -s $file $out/lib/python${pythonVersion}/dist-packages/; done
            done
            {
              echo "#!${root}/bin/bash"
              echo "export NIX_PYTHONPREFIX=$out NIX_PYTHONEXECUTABLE=$out/bin/python3 PYTHONNOUSERSITE=true"
              echo 'exec ${root}/bin/python3 "$@"'
            } > $out/bin/python3
            chmod +x $out/bin/python3
          '';
        };
    };

  packages = self: {
    inherit lib python3;
    stdenv = {
      inherit mkDerivation;
      hostPlatform = {
        inherit isLinux;
        system = builtins.currentSystem;
      };
    };
    callPackage = lib.callPackageWith self;
    runCommand =
      name: attributes: buildCommand:
      mkDerivation ({ inherit name buildCommand; } // attributes);
    writeText =
      name: text: self.runCommand name { inherit text; } ''printf %s "$text" > $out'';
    mkShell = attributes: mkDerivation ({ name = "shell"; buildCommand = "touch $out"; } // attributes);

    cmake = debian "cmake" [ "cmake" "ctest" ];
    ninja = debian "ninja" [ "ninja" ];
    makeWrapper = debian "make-wrapper" [ ];
    fmt = debian "fmt" [ ];
    spdlog = debian "spdlog" [ ];
    cli11 = debian "cli11" [ ];
    nlohmann_json = debian "nlohmann_json" [ ];
    pugixml = debian "pugixml" [ ];
    gtest = debian "gtest" [ ];

    coreutils = debian "coreutils" [ "timeout" "mktemp" ];
    socat = debian "socat" [ "socat" ];
    systemd = debian "systemd" [ "systemd-nspawn" ];
    util-linux = debian "util-linux" [ "nsenter" "setsid" ];
    vde2 = debian "vde2" [ "vde_switch" ];
    vhost-device-vsock =
      if isLinux then debian "vhost-device-vsock" [ ] else throw "vhost-device-vsock is not for Darwin";
    versionCheckHook = debian "version-check-hook" [ ];
    nixosTests.nixos-test-driver = {
      node-name = self.runCommand "node-name" { } "touch $out";
    };
    qemu_test = debian "qemu-test" [ "qemu-system-x86_64" "qemu-img" ];
    qemu = debian "qemu" [ "qemu-system-x86_64" "qemu-img" ];
    imagemagick_light = debian "imagemagick-light" [ "convert" ];
    tesseract4 = debian "tesseract4" [ "tesseract" ] // {
      override = _: self.tesseract4;
    };
    mypy = debian "mypy" [ "mypy" ];
    pyflakes = debian "pyflakes" [ "pyflakes3" ];
    python3Packages = {
      pyflakes = debian "pyflakes" [ ];
      pytest = debian "pytest" [ ];
    };
    clang-tools = debian "clang-tools" [ ];
    gbenchmark = debian "gbenchmark" [ ];
    curl = debian "curl" [ ];
    firefox = debian "firefox" [ ];

    nixos-test-driver = self.pythonDriver;
    # What would run if our driver were not put in its place.
    pythonDriver = self.callPackage (
      {
        enableOCR ? false,
        enableNspawn ? false,
        extraPythonPackages ? (_: [ ]),
        qemu_pkg ? null,
      }:
      mkDerivation {
        pname = "nixos-test-driver";
        version = "1.1";
        buildCommand = "echo 'the Python driver is built' >&2; exit 1";
      }
    ) { };

    testers.runNixOSTest = import ./testing.nix {
      pkgs = self;
      inherit generation;
    };
    extend = overlay: lib.fix (final: extended final // overlay final (extended final));
  };
  extended = builtins.foldl' (
    make: overlay: self:
    let
      previous = make self;
    in
    previous // overlay self previous
  ) packages overlays;
in
lib.fix extended
