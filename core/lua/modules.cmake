# Sorts the l_*.c files into built-in and shared modules and writes the tables of
# core/lua/modules.h from their names.
file(GLOB bindings CONFIGURE_DEPENDS lua/l_*.c)
set(PV_BUILTIN_SOURCES "")
set(declarations "")
set(builtin_rows "")
set(shared_rows "")
foreach(source IN LISTS bindings)
  get_filename_component(stem ${source} NAME_WE)
  string(REGEX REPLACE "^l_" "" stem ${stem})
  string(REGEX REPLACE "_.*$" "" module ${stem})
  if(stem IN_LIST PV_SHARED)
    set(module ${stem})
  endif()
  string(REPLACE "_" "." dotted ${module})
  set(is_module FALSE)
  if(stem STREQUAL module)
    set(is_module TRUE)
  endif()
  if(module IN_LIST PV_SHARED)
    list(APPEND PV_${module}_SOURCES ${source})
    if(is_module)
      string(APPEND shared_rows "    {\"core.${dotted}\", \"libprov-${module}.so\", \"luaopen_core_${module}\"},\n")
    endif()
  else()
    list(APPEND PV_BUILTIN_SOURCES ${source})
    if(is_module)
      string(APPEND declarations "int luaopen_core_${module}(lua_State *L);\n")
      string(APPEND builtin_rows "    {\"core.${dotted}\", luaopen_core_${module}},\n")
    endif()
  endif()
endforeach()
set(PV_MODULE_TABLE ${CMAKE_BINARY_DIR}/generated/modules.c)
file(GENERATE OUTPUT ${PV_MODULE_TABLE} CONTENT
"#include \"lua/modules.h\"

#include <stddef.h>

${declarations}
const luaL_Reg pv_builtin_modules[] = {
${builtin_rows}    {NULL, NULL},
};

const pv_shared_module pv_shared_modules[] = {
${shared_rows}    {NULL, NULL, NULL},
};
")
