# A separate library, so that unit tests can link it.
add_library(ntd_cli_options STATIC
  "${CMAKE_CURRENT_LIST_DIR}/argparse.cpp"
  "${CMAKE_CURRENT_LIST_DIR}/command_line.cpp"
  "${CMAKE_CURRENT_LIST_DIR}/help.cpp"
  "${CMAKE_CURRENT_LIST_DIR}/option.cpp"
  "${CMAKE_CURRENT_LIST_DIR}/option_values.cpp"
  "${CMAKE_CURRENT_LIST_DIR}/options.cpp")
target_include_directories(ntd_cli_options PUBLIC "${CMAKE_CURRENT_LIST_DIR}")
target_compile_definitions(ntd_cli_options PRIVATE NTD_VERSION="${PROJECT_VERSION}")
target_link_libraries(ntd_cli_options
  PUBLIC ntd::driver ntd::evidence ntd::log
  PRIVATE CLI11::CLI11 ntd_warnings)
