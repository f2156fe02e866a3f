# The driver as a package. The override interface is that of nixpkgs' own nixos-test-driver, so that one can stand in
# for the other; what this version has no use for is accepted all the same.
{
  lib,
  stdenv,
  cmake,
  ninja,
  makeWrapper,
  python3,
  fmt,
  spdlog,
  cli11,
  nlohmann_json,
  coreutils,
  vde2,
  imagemagick_light,
  tesseract,
  qemu_pkg ? null,
  qemu_test ? null,
  extraPythonPackages ? (_: [ ]),
  enableOCR ? false,
  enableNspawn ? false,
}:

let
  python = python3.withPackages (ps: [ ps.pybind11 ] ++ extraPythonPackages ps);
  qemu = if qemu_pkg != null then qemu_pkg else qemu_test;
in
stdenv.mkDerivation {
  pname = "nixos-test-driver";
  version = "0.1.0";

  src = lib.cleanSource ./..;

  nativeBuildInputs = [
    cmake
    ninja
    makeWrapper
  ];
  buildInputs = [
    python
    fmt
    spdlog
    cli11
    nlohmann_json
  ];

  # Whoever has this package as an input has its Python modules in PYTHONPATH: so mypy finds the types of scripts.
  propagatedBuildInputs = [ python3 ];

  cmakeFlags = [
    "-DNTD_BUILD_TESTS=OFF"
    "-DPython3_EXECUTABLE=${python}/bin/python3"
    "-Dpybind11_DIR=${python3.pkgs.pybind11}/share/cmake/pybind11"
  ];

  postInstall = ''
    mkdir -p $out/${python3.sitePackages}
    ln -s $out/share/ntd/python/test_driver $out/${python3.sitePackages}/test_driver
    wrapProgram $out/bin/nixos-test-driver \
      --prefix PATH : ${
        lib.makeBinPath (
          [
            coreutils
            vde2
          ]
          ++ lib.optional (qemu != null) qemu
          ++ lib.optionals enableOCR [
            imagemagick_light
            tesseract
          ]
        )
      }
  '';

  meta = {
    description = "Boots the virtual machines of NixOS integration tests and runs their scripts";
    license = lib.licenses.mit;
    mainProgram = "nixos-test-driver";
    platforms = lib.platforms.linux;
  };
}
