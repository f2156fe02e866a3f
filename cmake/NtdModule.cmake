# ntd_module(<name> SOURCES <file>... DEPENDS <target>...)
#
# One module of the program: a static library ntd::<name> whose public headers are include/ntd/<name>/*.h. The target
# all_verify_interface_header_sets fails for a header that does not compile on its own.
function(ntd_module name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;DEPENDS")
  add_library(ntd_${name} STATIC ${arg_SOURCES})
  add_library(ntd::${name} ALIAS ntd_${name})
  file(GLOB headers CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/include/ntd/${name}/*.h")
  target_sources(ntd_${name} PUBLIC
    FILE_SET HEADERS BASE_DIRS "${PROJECT_SOURCE_DIR}/include" FILES ${headers})
  set_target_properties(ntd_${name} PROPERTIES
    POSITION_INDEPENDENT_CODE ON
    VERIFY_INTERFACE_HEADER_SETS ON)
  target_link_libraries(ntd_${name} PUBLIC ${arg_DEPENDS} PRIVATE ntd_warnings)
endfunction()
