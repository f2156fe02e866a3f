# All dependencies are system packages, because builds inside Nix have no network.
find_package(Threads REQUIRED)
find_package(Python3 3.11 REQUIRED COMPONENTS Interpreter Development.Embed Development.Module)
set(PYBIND11_FINDPYTHON OFF)
set(PYTHON_EXECUTABLE "${Python3_EXECUTABLE}") # otherwise pybind11 2.10 may find another Python
find_package(pybind11 2.10 REQUIRED CONFIG)
find_package(fmt 9 REQUIRED CONFIG)
find_package(spdlog 1.10 REQUIRED CONFIG)
find_package(CLI11 2.1 REQUIRED CONFIG)
find_package(nlohmann_json 3.11 REQUIRED CONFIG)
find_package(pugixml 1.13 REQUIRED CONFIG)
set(NTD_PUGIXML pugixml::pugixml)
if(TARGET pugixml::static)
  set(NTD_PUGIXML pugixml::static) # one library less to load at each start
endif()

if(NTD_BUILD_TESTS AND NOT NTD_BUILD_TESTS STREQUAL "fuzz")
  find_package(GTest 1.12 REQUIRED CONFIG)
endif()
if(NTD_BUILD_TESTS AND NOT NTD_BUILD_TESTS MATCHES "^(unit|fuzz)$")
  find_package(benchmark 1.7 REQUIRED CONFIG)
endif()
