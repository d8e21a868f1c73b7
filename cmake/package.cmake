# cmake -P package.cmake JOB: makes one zip for Lambda, of a function or a layer,
# and refuses what would not run there. JOB is written by mayfly_package() and
# sets zip, entries, strip_program and zip_program.
#
# [A] AWS Lambda Developer Guide, "Lambda quotas" and "Packaging your layer
#     content": 50 MB zipped for a direct upload, 250 MB unpacked with all
#     layers; files 644, programs and folders 755.
# [B] Amazon Linux 2023 has glibc 2.34; provided.al2023 has glibc's libraries and
#     libgcc_s, and nothing else can be relied on.

cmake_minimum_required(VERSION 3.25)
include(${CMAKE_CURRENT_LIST_DIR}/elf.cmake)
include(${CMAKE_ARGV3})

set(zipped_limit 52428800)
set(unpacked_limit 262144000)
set(glibc_limit 2.34)
set(debian_12_glibc 2.36)
set(system_libraries
  libc.so.6 libm.so.6 libgcc_s.so.1 libpthread.so.0 libdl.so.2 librt.so.1 libresolv.so.2 libutil.so.1
  ld-linux-x86-64.so.2 ld-linux-aarch64.so.1)
set(interpreter_x86_64 /lib64/ld-linux-x86-64.so.2)
set(interpreter_arm64 /lib/ld-linux-aarch64.so.1)

get_filename_component(zip_name "${zip}" NAME)
set(staging "${zip}.staging")
set(problems "")

macro(problem)
  string(CONCAT _text ${ARGN})
  list(APPEND problems "${_text}")
endmacro()

# Copies the entries to where the zip is made from, with Lambda's modes.
function(stage)
  file(REMOVE_RECURSE "${staging}")
  file(MAKE_DIRECTORY "${staging}")
  set(first TRUE)
  foreach(entry IN LISTS entries)
    string(REGEX MATCH "^([^=]*)=(.*)$" _ "${entry}")
    set(target "${staging}/${CMAKE_MATCH_1}")
    set(source "${CMAKE_MATCH_2}")
    get_filename_component(folder "${target}" DIRECTORY)
    file(MAKE_DIRECTORY "${folder}")
    if(IS_DIRECTORY "${source}")
      file(COPY "${source}/" DESTINATION "${target}")
    else()
      file(COPY_FILE "${source}" "${target}")
    endif()
    if(first AND strip_program)
      # The symbol table stays: stack traces take the names from it.
      execute_process(COMMAND "${strip_program}" --strip-debug "${target}" COMMAND_ERROR_IS_FATAL ANY)
    endif()
    set(first FALSE)
  endforeach()
  # a+rX, go-w; who may execute it may all execute it.
  execute_process(COMMAND chmod -R u+rwX,go+rX,go-w "${staging}" COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND find "${staging}" -exec touch -h -d 1980-01-01T00:00:00Z {} + COMMAND_ERROR_IS_FATAL ANY)
endfunction()

# One ELF file against what Amazon Linux 2023 offers. Sets `architecture`.
function(check_elf path)
  set(name "${path}")
  elf_read("${staging}/${path}" elf)
  if(elf_ERROR)
    problem("${name} ${elf_ERROR}: Lambda runs x86_64 and arm64 programs, 64 bit")
    set(problems "${problems}" PARENT_SCOPE)
    return()
  endif()

  if(NOT elf_MACHINE MATCHES "^(x86_64|arm64)$")
    problem("${name} is for machine ${elf_MACHINE}: Lambda has x86_64 and arm64")
  elseif(architecture AND NOT architecture STREQUAL elf_MACHINE)
    problem("${name} is for ${elf_MACHINE}, but what stands before it is for ${architecture}: a function has one architecture")
  endif()
  if(elf_INTERPRETER AND NOT elf_INTERPRETER STREQUAL "${interpreter_${elf_MACHINE}}")
    problem("${name} asks for the loader ${elf_INTERPRETER}, which Amazon Linux 2023 has not (another C library than glibc?): "
      "link it fully static (target_link_options(... PRIVATE -static))")
  endif()

  set(newest 0)
  foreach(version IN LISTS elf_VERSIONS)
    if(version MATCHES "^GLIBC_([0-9.]+)$" AND CMAKE_MATCH_1 VERSION_GREATER newest)
      set(newest ${CMAKE_MATCH_1})
    endif()
  endforeach()
  if(newest VERSION_GREATER glibc_limit)
    # Who asks for what Debian 12's own glibc has would ask for it there, too: the
    # build image helps newer distributions alone.
    if(newest VERSION_GREATER debian_12_glibc)
      set(way_out "build it on Debian 12, as in the image of docker/build.Dockerfile")
    else()
      set(way_out "do without what asks for it: objdump -T PROGRAM | grep GLIBC_${newest}")
    endif()
    problem("${name} needs glibc ${newest}, Amazon Linux 2023 has ${glibc_limit}. Either link it fully static "
      "(target_link_options(... PRIVATE -static)), or ${way_out}")
  endif()

  foreach(library IN LISTS elf_NEEDED)
    if(library IN_LIST system_libraries OR EXISTS "${staging}/${library}" OR EXISTS "${staging}/lib/${library}")
      continue()
    elseif(library STREQUAL "libstdc++.so.6")
      problem("${name} needs libstdc++.so.6, and Lambda's may be older than the compiler: link with -static-libstdc++ "
        "(mayfly::runtime does it when built with MAYFLY_MINIMAL_LIBRARIES=ON)")
    elseif(library MATCHES "^libcurl|^libsimdjson")
      problem("${name} needs ${library}: build mayfly with MAYFLY_MINIMAL_LIBRARIES=ON, which links it static")
    else()
      problem("${name} needs ${library}, which Lambda has not: link it static, or give it in FILES")
    endif()
  endforeach()
  set(architecture ${elf_MACHINE} PARENT_SCOPE)
  set(problems "${problems}" PARENT_SCOPE)
endfunction()

# Each file of the staging folder; sets `unpacked` bytes and `architecture`.
function(check_files)
  set(unpacked 0)
  file(GLOB_RECURSE paths LIST_DIRECTORIES false RELATIVE "${staging}" "${staging}/*")
  foreach(path IN LISTS paths)
    if(IS_SYMLINK "${staging}/${path}")
      continue()
    endif()
    file(SIZE "${staging}/${path}" bytes)
    math(EXPR unpacked "${unpacked} + ${bytes}")
    file(READ "${staging}/${path}" magic LIMIT 4 HEX)
    if(magic STREQUAL "7f454c46")
      check_elf("${path}")
    endif()
  endforeach()
  if(unpacked GREATER unpacked_limit)
    problem("${unpacked} bytes unpacked, Lambda takes ${unpacked_limit}, layers included: load large data into /tmp in the Init phase")
  endif()
  foreach(result unpacked architecture problems)
    set(${result} "${${result}}" PARENT_SCOPE)
  endforeach()
endfunction()

function(write_zip)
  file(GLOB_RECURSE paths LIST_DIRECTORIES true RELATIVE "${staging}" "${staging}/*")
  list(SORT paths)
  list(JOIN paths "\n" names)
  file(WRITE "${staging}.names" "${names}\n")
  file(REMOVE "${zip}" "${zip}.new")
  execute_process(
    COMMAND ${CMAKE_COMMAND} -E env TZ=UTC "${zip_program}" -X -q -y -9 "${zip}.new" -@
    INPUT_FILE "${staging}.names" WORKING_DIRECTORY "${staging}" COMMAND_ERROR_IS_FATAL ANY)
  file(SIZE "${zip}.new" zipped)
  if(zipped GREATER zipped_limit)
    problem("${zipped} bytes zipped, Lambda takes ${zipped_limit} from an upload: go through S3, or deploy an image")
  endif()
  set(zipped ${zipped} PARENT_SCOPE)
  set(problems "${problems}" PARENT_SCOPE)
endfunction()

stage()
check_files()
if(NOT problems)
  write_zip()
endif()
file(REMOVE_RECURSE "${staging}")
file(REMOVE "${staging}.names")
if(problems)
  file(REMOVE "${zip}.new")
  list(JOIN problems "\n  " text)
  message(FATAL_ERROR "${zip_name} would not run on Lambda:\n  ${text}")
endif()
file(RENAME "${zip}.new" "${zip}")
math(EXPR zipped "(${zipped} + 1023) / 1024")
math(EXPR unpacked "(${unpacked} + 1023) / 1024")
message(STATUS "${zip}: ${architecture}, ${zipped} KB (${unpacked} KB unpacked)")
