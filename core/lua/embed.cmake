# Builds every file under lua/ (but the editor stubs of lua/meta) into the binary as bytes.
file(GLOB_RECURSE lua_files CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR}/lua ${CMAKE_SOURCE_DIR}/lua/*.lua)
list(FILTER lua_files EXCLUDE REGEX "^meta/")
list(SORT lua_files)
include(lua/ops_index.cmake)
set(PV_EMBED_SOURCE ${CMAKE_BINARY_DIR}/generated/embedded.S)
set(data "")
set(table "")
set(number 0)
set(depends "")
foreach(file IN LISTS lua_files)
  math(EXPR number "${number} + 1")
  string(APPEND data ".Lbegin${number}: .incbin \"${CMAKE_SOURCE_DIR}/lua/${file}\"\n.Lend${number}: .byte 0\n.Lname${number}: .asciz \"${file}\"\n")
  string(APPEND table "    .quad .Lname${number}, .Lbegin${number}, .Lend${number}\n")
  list(APPEND depends ${CMAKE_SOURCE_DIR}/lua/${file})
endforeach()
math(EXPR number "${number} + 1")
string(APPEND data ".Lbegin${number}: .incbin \"${PV_OPS_INDEX}\"\n.Lend${number}: .byte 0\n.Lname${number}: .asciz \"prov/ops_index.lua\"\n")
string(APPEND table "    .quad .Lname${number}, .Lbegin${number}, .Lend${number}\n")
list(APPEND depends ${PV_OPS_INDEX})
file(GENERATE OUTPUT ${PV_EMBED_SOURCE} CONTENT
"    .section .rodata
${data}
    .section .data.rel.ro,\"aw\"
    .balign 8
    .globl pv_embedded_files
    .type pv_embedded_files, %object
pv_embedded_files:
${table}    .quad 0, 0, 0
    .size pv_embedded_files, . - pv_embedded_files
    .section .note.GNU-stack,\"\",%progbits
")
set_source_files_properties(${PV_EMBED_SOURCE} PROPERTIES OBJECT_DEPENDS "${depends}")
