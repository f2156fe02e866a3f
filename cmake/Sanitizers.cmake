if(NTD_SANITIZE)
  add_compile_options("-fsanitize=${NTD_SANITIZE}" -fno-omit-frame-pointer)
  add_link_options("-fsanitize=${NTD_SANITIZE}")
endif()
