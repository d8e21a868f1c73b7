# cmake -DCOMPILER=... -DINCLUDES=a;b -DSOURCE=... -P wrong_signatures.cmake
#
# Each "// CASE: sentence" section of the source must fail to compile with that
# sentence, and with no other error.
file(READ ${SOURCE} source)
string(REGEX MATCHALL "// CASE [0-9]+: [^\n]+" cases "${source}")
set(flags "")
foreach(directory IN LISTS INCLUDES)
  list(APPEND flags -I${directory})
endforeach()

foreach(case IN LISTS cases)
  string(REGEX REPLACE "// CASE ([0-9]+): (.*)" "\\1" number "${case}")
  string(REGEX REPLACE "// CASE ([0-9]+): (.*)" "\\2" sentence "${case}")
  execute_process(
    COMMAND ${COMPILER} -std=c++20 -fsyntax-only -DCASE=${number} ${flags} ${SOURCE}
    ERROR_VARIABLE messages RESULT_VARIABLE result)
  string(REGEX MATCHALL "error: [^\n]+" errors "${messages}")
  list(LENGTH errors count)
  string(FIND "${messages}" "${sentence}" found)
  if(result EQUAL 0 OR NOT count EQUAL 1 OR found EQUAL -1)
    message(SEND_ERROR "case ${number}: expected one error with '${sentence}', got ${count}:\n${messages}")
  endif()
endforeach()

list(LENGTH cases count)
if(count LESS 7)
  message(SEND_ERROR "only ${count} cases found")
endif()
