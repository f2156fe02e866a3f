# Builds the manual and the completions from the program's tables.
add_executable(ntd_documents documents_main.cpp documents.h manual.cpp completions.cpp)
target_compile_definitions(ntd_documents PRIVATE NTD_VERSION="${PROJECT_VERSION}")
target_link_libraries(ntd_documents PRIVATE ntd_cli_options ntd_warnings)

# ntd_document(<kind> <file> <directory to install it to>)
function(ntd_document kind file directory)
  set(path "${CMAKE_BINARY_DIR}/documents/${kind}/${file}")
  add_custom_command(OUTPUT "${path}"
    COMMAND ${CMAKE_COMMAND} -E make_directory "${CMAKE_BINARY_DIR}/documents/${kind}"
    COMMAND ntd_documents ${kind} "${path}"
    DEPENDS ntd_documents
    VERBATIM)
  add_custom_target(ntd_document_${kind} ALL DEPENDS "${path}")
  install(FILES "${path}" DESTINATION "${directory}")
endfunction()

ntd_document(man nixos-test-driver.1 "${CMAKE_INSTALL_MANDIR}/man1")
ntd_document(bash nixos-test-driver "${CMAKE_INSTALL_DATADIR}/bash-completion/completions")
ntd_document(zsh _nixos-test-driver "${CMAKE_INSTALL_DATADIR}/zsh/site-functions")
ntd_document(fish nixos-test-driver.fish "${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d")
