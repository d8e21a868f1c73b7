# mayfly_package(TARGET [NAME hello.zip] [FILES path...])
#
# Adds the target package_TARGET, which makes the zip that Lambda takes as a
# function (aws lambda create-function --runtime provided.al2023 --zip-file
# fileb://hello.zip): the program as `bootstrap` at the root, without debug
# information. A shared object, a handler for the bootstrap of the layer, goes in
# under its own name.
#
#   NAME   the zip, relative to the current binary folder; TARGET.zip when not given
#   FILES  further files and folders, put beside `bootstrap` under their own names
#
# The same inputs give the same bytes, so an unchanged function needs no
# deployment. What cannot run on Lambda fails the build with a message that says
# what to do: a newer glibc, libraries nobody has there, another architecture
# among FILES, more than 50 MB zipped or 250 MB unpacked.

function(mayfly_package target)
  cmake_parse_arguments(arg "" "NAME" "FILES" ${ARGN})
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "mayfly_package(${target}): ${arg_UNPARSED_ARGUMENTS}: expected NAME or FILES")
  endif()
  if(NOT TARGET ${target})
    message(FATAL_ERROR "mayfly_package(${target}): there is no such target; call add_executable(${target} ...) first")
  endif()
  if(NOT arg_NAME)
    set(arg_NAME ${target}.zip)
  endif()
  get_target_property(type ${target} TYPE)
  if(type STREQUAL "EXECUTABLE")
    set(names bootstrap)
  elseif(type STREQUAL "SHARED_LIBRARY" OR type STREQUAL "MODULE_LIBRARY")
    set(names $<TARGET_FILE_NAME:${target}>)
  else()
    message(FATAL_ERROR "mayfly_package(${target}): a ${type} cannot be a function: expected an executable or a shared object")
  endif()
  set(entries "${names}=$<TARGET_FILE:${target}>")
  foreach(file IN LISTS arg_FILES)
    get_filename_component(path "${file}" ABSOLUTE)
    get_filename_component(name "${path}" NAME)
    if(NOT EXISTS "${path}")
      message(FATAL_ERROR "mayfly_package(${target}): there is no ${path}")
    endif()
    if(name IN_LIST names)
      message(FATAL_ERROR "mayfly_package(${target}): ${path} would replace the other ${name} at the zip's root")
    endif()
    list(APPEND names "${name}")
    list(APPEND entries "${name}=${path}")
  endforeach()
  _mayfly_zip(package_${target} ${arg_NAME} STRIP ENTRIES ${entries} DEPENDS ${target})
endfunction()

# _mayfly_zip(CUSTOM_TARGET ZIP [STRIP] ENTRIES path-in-zip=source... DEPENDS target...)
# STRIP strips the first entry.
function(_mayfly_zip custom_target name)
  cmake_parse_arguments(arg "STRIP" "" "ENTRIES;DEPENDS" ${ARGN})
  find_program(MAYFLY_ZIP zip)
  if(NOT MAYFLY_ZIP)
    message(FATAL_ERROR "mayfly_package() needs the program zip (cmake -E tar cannot leave out owners and dates):\n"
      "  apt-get install zip")
  endif()
  get_filename_component(zip "${name}" ABSOLUTE BASE_DIR "${CMAKE_CURRENT_BINARY_DIR}")
  set(job "${CMAKE_CURRENT_BINARY_DIR}/CMakeFiles/${custom_target}.cmake")
  file(GENERATE OUTPUT "${job}" CONTENT
"set(zip \"${zip}\")
set(entries \"${arg_ENTRIES}\")
set(strip_program \"$<$<BOOL:${arg_STRIP}>:${CMAKE_STRIP}>\")
set(zip_program \"${MAYFLY_ZIP}\")
")
  set(files "")
  foreach(entry IN LISTS arg_ENTRIES)
    string(REGEX REPLACE "^[^=]*=" "" source "${entry}")
    if(IS_DIRECTORY "${source}")
      file(GLOB_RECURSE source CONFIGURE_DEPENDS "${source}/*")
    elseif(source MATCHES "^\\$<")
      continue()  # a target, in DEPENDS
    endif()
    list(APPEND files ${source})
  endforeach()
  add_custom_command(OUTPUT "${zip}"
    COMMAND ${CMAKE_COMMAND} -P "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/package.cmake" "${job}"
    DEPENDS ${arg_DEPENDS} ${files} "${job}" "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/package.cmake" "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/elf.cmake"
    COMMENT "Packaging ${name}" VERBATIM)
  add_custom_target(${custom_target} DEPENDS "${zip}")
endfunction()
