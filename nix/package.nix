# The driver as a package. Its arguments are those of nixpkgs' own nixos-test-driver, old and new, so that one can stand
# in for the other; what this driver has no use for (netpbm ...) is accepted all the same.
{
  lib,
  stdenv,
  cmake,
  ninja,
  makeWrapper,
  python3,
  python311 ? python3, # for NixOS 23.05 and 23.11, whose python3 is too old
  fmt,
  spdlog,
  cli11,
  nlohmann_json,
  pugixml,
  gtest,
  coreutils,
  iproute2 ? null,
  socat,
  systemd,
  util-linux,
  vde2,
  vhost-device-vsock ? null, # not in older releases
  imagemagick_light ? imagemagick,
  imagemagick ? null,
  tesseract4 ? tesseract,
  tesseract ? null,
  qemu_test ? null,
  qemu_pkg ? qemu_test,
  versionCheckHook ? null, # not in older releases
  nixosTests ? { },
  extraPythonPackages ? (_: [ ]),
  enableOCR ? false,
  enableNspawn ? false,
  ...
}:

let
  python = if lib.versionAtLeast python3.pythonVersion "3.11" then python3 else python311;
  # What test scripts can import beside the driver's own package, and what the prompt is made of.
  pythonForScripts = python.withPackages (
    packages:
    lib.optional (packages ? ptpython) packages.ptpython
    ++ lib.optional (packages ? ipython) packages.ipython
    ++ extraPythonPackages packages
  );

  programs = [
    coreutils
    socat
    util-linux
    vde2
  ]
  ++ lib.optional (qemu_pkg != null) qemu_pkg
  ++ lib.optional (vhost-device-vsock != null) vhost-device-vsock
  ++ lib.optional enableNspawn systemd
  ++ lib.optional (enableNspawn && iproute2 != null) iproute2 # pulls the cables of containers
  ++ lib.optionals enableOCR [
    imagemagick_light
    tesseract4
  ];

  # Only what the build reads: a change of anything else builds nothing again.
  isSource =
    path:
    let
      inside = lib.removePrefix "${toString ./..}/" path;
      within = folder: inside == folder || lib.hasPrefix "${folder}/" inside;
    in
    lib.any within [
      "CHANGELOG.md"
      "CMakeLists.txt"
      "LICENSE"
      "README.md"
      "SECURITY.md"
      "cmake"
      "docs"
      "include"
      "python"
      "src"
      "tests/CMakeLists.txt"
      "tests/unit"
    ]
    || inside == "tests";
in
stdenv.mkDerivation (finalAttrs: {
  pname = "nixos-test-driver";
  version = "0.1.0";

  src = builtins.path {
    name = "nixos-test-driver-source";
    path = ./..;
    filter = path: _: isSource path && baseNameOf path != "__pycache__";
  };

  strictDeps = true;
  nativeBuildInputs = [
    cmake
    ninja
    makeWrapper
  ];
  buildInputs = [
    pythonForScripts
    python.pkgs.pybind11
    fmt
    spdlog
    cli11
    nlohmann_json
    pugixml
  ];
  checkInputs = [ gtest ];
  nativeCheckInputs = [ util-linux ]; # for setsid

  # Whoever has this package as an input has its Python package in PYTHONPATH, and those of scripts: so type checkers
  # find them.
  propagatedBuildInputs = [ python ] ++ extraPythonPackages python.pkgs;

  cmakeFlags = [
    "-DNTD_BUILD_TESTS=${if finalAttrs.doCheck then "unit" else "OFF"}"
    "-DPython3_EXECUTABLE=${pythonForScripts}/bin/python3"
  ];

  doCheck = true;
  checkPhase = ''
    runHook preCheck
    ctest --output-on-failure --label-regex unit
    runHook postCheck
  '';

  postInstall = ''
    mkdir -p $out/${python.sitePackages}
    ln -s $out/share/ntd/python/test_driver $out/${python.sitePackages}/test_driver
    wrapProgram $out/bin/nixos-test-driver --prefix PATH : ${lib.makeBinPath programs} \
      --unset VIRTUAL_ENV --set PYTHONNOUSERSITE true
  '';

  doInstallCheck = versionCheckHook != null;
  nativeInstallCheckInputs = lib.optional (versionCheckHook != null) versionCheckHook;

  separateDebugInfo = true;

  passthru = {
    implementation = "C++"; # which tells it from the one of nixpkgs
    pythonModule = python;
    # The test framework's own tests, which run with this driver where the overlay is in force.
    tests = nixosTests.nixos-test-driver or { };
  };

  meta = {
    description = "Boots the virtual machines of NixOS integration tests and runs their scripts";
    license = lib.licenses.mit;
    maintainers = [ ];
    mainProgram = "nixos-test-driver";
    platforms = lib.platforms.linux;
  };
})
