# Linked by our own targets only, so that third-party code does not get these warnings.
add_library(ntd_warnings INTERFACE)
target_compile_options(ntd_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual
  $<$<BOOL:${NTD_WERROR}>:-Werror>)
