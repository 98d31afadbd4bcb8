# embed.cmake -- make a C file of the bytes of another file
#
#   cmake -DINPUT=FILE -DOUTPUT=FILE.c -DNAME=name -P embed.cmake
#
# It defines: const char name[], with a null at the end; const size_t
# name_size, which doesn't count it.

file(READ ${INPUT} bytes HEX)
string(REGEX REPLACE "(................................)" "\\1\n" bytes
  "${bytes}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
get_filename_component(file ${INPUT} NAME)
file(WRITE ${OUTPUT} "/* The text of ${file}, by embed.cmake. */
#include <stddef.h>

extern const char ${NAME}[];
extern const size_t ${NAME}_size;

const char ${NAME}[] = {
${bytes}'\\0'};
const size_t ${NAME}_size = sizeof ${NAME} - 1;
")
