# `cmake --install`: headers, static libraries and the CMake package that gives
# users mayfly::runtime, mayfly::extension and mayfly_package(). The minimal curl
# and simdjson go along, so that a user's machine needs neither.

include(CMakePackageConfigHelpers)

set(_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/mayfly)
set(_libraries mayfly_core mayfly_deployable mayfly_curl mayfly_simdjson)
foreach(_library mayfly_simdjson_archive mayfly_runtime mayfly_extension mayfly_http_server mayfly_beast)
  if(TARGET ${_library})
    list(APPEND _libraries ${_library})
  endif()
endforeach()
foreach(_library IN LISTS _libraries)
  string(REGEX REPLACE "^mayfly_" "" _name ${_library})
  set_target_properties(${_library} PROPERTIES EXPORT_NAME ${_name})
endforeach()

install(TARGETS ${_libraries} EXPORT mayfly ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}/mayfly)
install(EXPORT mayfly NAMESPACE mayfly:: FILE mayfly-targets.cmake DESTINATION ${_package_dir})
configure_package_config_file(cmake/mayfly-config.cmake.in ${PROJECT_BINARY_DIR}/mayfly-config.cmake
  INSTALL_DESTINATION ${_package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/mayfly-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES
  ${PROJECT_BINARY_DIR}/mayfly-config.cmake ${PROJECT_BINARY_DIR}/mayfly-config-version.cmake
  cmake/MayflyPackage.cmake cmake/package.cmake cmake/elf.cmake
  DESTINATION ${_package_dir})
foreach(_room core runtime extensions)
  if(EXISTS ${PROJECT_SOURCE_DIR}/${_room}/include AND (TARGET mayfly_extension OR NOT _room STREQUAL "extensions"))
    install(DIRECTORY ${_room}/include/ TYPE INCLUDE)
  endif()
endforeach()
if(MAYFLY_MINIMAL_LIBRARIES)
  install(FILES ${MAYFLY_CURL_ARCHIVE} DESTINATION ${CMAKE_INSTALL_LIBDIR}/mayfly)
endif()

# The programs: mayfly for the developer, the other two where `mayfly run
# --extensions` and a hand-made layer take them from.
if(TARGET mayfly)
  install(TARGETS mayfly RUNTIME)
  # The same program in the place of AWS's Runtime Interface Emulator.
  # Manual pages and completions are the program's own words.
  set(_share ${PROJECT_BINARY_DIR}/share)
  set(_documents)
  function(mayfly_document file)
    add_custom_command(OUTPUT ${_share}/${file}
      COMMAND sh -c "mkdir -p \"$(dirname \"$0\")\" && \"$@\" > \"$0\"" ${_share}/${file} $<TARGET_FILE:mayfly> ${ARGN}
      DEPENDS mayfly VERBATIM)
    set(_documents ${_documents} ${_share}/${file} PARENT_SCOPE)
  endfunction()
  mayfly_document(man/man1/mayfly.1 man)
  mayfly_document(man/man1/mayfly-run.1 man run)
  mayfly_document(man/man1/mayfly-invoke.1 man invoke)
  mayfly_document(man/man1/mayfly-completion.1 man completion)
  mayfly_document(man/man5/mayfly.toml.5 man mayfly.toml)
  mayfly_document(bash-completion/completions/mayfly completion bash)
  mayfly_document(zsh/site-functions/_mayfly completion zsh)
  mayfly_document(fish/vendor_completions.d/mayfly.fish completion fish)
  add_custom_target(mayfly_documents ALL DEPENDS ${_documents})
  install(DIRECTORY ${_share}/ DESTINATION ${CMAKE_INSTALL_DATADIR})
  install(CODE "file(CREATE_LINK mayfly \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}/aws-lambda-rie\" SYMBOLIC)")
endif()
if(TARGET bootstrap)
  install(TARGETS bootstrap RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/mayfly)
endif()
if(TARGET mayfly-telemetry)
  install(TARGETS mayfly-telemetry RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/mayfly/extensions)
  # Where the program looks for it first: ../lib/mayfly.
  install(TARGETS mayfly-tls LIBRARY DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/mayfly/lib/mayfly)
endif()
