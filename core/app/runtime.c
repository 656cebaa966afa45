#include "app/runtime.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <link.h>
#include <lualib.h>
#include <luv/luv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/pool.h"
#include "lua/lx.h"
#include "lua/modules.h"

enum { PATH_CAP = 4096 };

/* Where things are, found once from the path of the executable. */
static struct {
    char exe[PATH_CAP];
    char lib[PATH_CAP];   /* folder of libprov-net.so */
    char share[PATH_CAP]; /* folder of providers/ taskservs/ clusters/ */
    char tree[PATH_CAP];  /* source tree with lua/, only with PROV_DEV */
} place;

static void parent(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash == NULL || slash == path) strcpy(path, "/");
    else *slash = '\0';
}

static int exists(const char *dir, const char *name)
{
    char path[PATH_CAP * 2];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return access(path, R_OK) == 0;
}

/* Walks up from the executable to the folder that holds `mark`. */
static int find_above(char *out, const char *mark)
{
    char dir[PATH_CAP];
    strcpy(dir, place.exe);
    do {
        parent(dir);
        if (exists(dir, mark)) {
            strcpy(out, dir);
            return 1;
        }
    } while (strcmp(dir, "/") != 0);
    return 0;
}

static pv_status find_places(pv_err *err)
{
    ssize_t len = readlink("/proc/self/exe", place.exe, sizeof place.exe - 1);
    const char *root = getenv("PROV_ROOT");
    if (len <= 0)
        return pv_fail(err, PV_EIO, "cannot find the running program: /proc is not mounted");
    place.exe[len] = '\0';
    strcpy(place.lib, place.exe);
    parent(place.lib);
    strcpy(place.share, place.lib);
    parent(place.share);
    if (exists(place.share,
               "lib/prov")) { /* installed: PREFIX/bin, PREFIX/lib/prov, PREFIX/share/prov */
        parent(place.lib);
        strcat(place.lib, "/lib/prov");
        strcat(place.share, "/share/prov");
    } else if (!find_above(place.share, "providers")) {
        place.share[0] = '\0';
    }
    if (getenv("PROV_DEV") == NULL) return PV_OK;
    if (root != NULL && strlen(root) < sizeof place.tree) strcpy(place.tree, root);
    else if (!find_above(place.tree, "lua/prov/main.lua")) {
        return pv_fail(err, PV_ENOTFOUND,
                       "PROV_DEV is set but no source tree is above %s; set PROV_ROOT to one",
                       place.exe);
    }
    strcpy(place.share, place.tree);
    return PV_OK;
}

static const pv_embedded *find_embedded(const char *name)
{
    for (const pv_embedded *e = pv_embedded_files; e->name != NULL; e++) {
        if (strcmp(e->name, name) == 0) return e;
    }
    return NULL;
}

typedef struct spot {
    const unsigned char *at; /* in memory */
    off_t offset;            /* in the file, -1 when it is not from there */
} spot;

/* The program itself comes first. */
static int find_spot(struct dl_phdr_info *info, size_t size, void *arg)
{
    spot *s = arg;
    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        const unsigned char *start = (const unsigned char *)(info->dlpi_addr + segment->p_vaddr);
        if (segment->p_type != PT_LOAD || s->at < start || s->at >= start + segment->p_filesz)
            continue;
        s->offset = (off_t)segment->p_offset + (s->at - start);
    }
    return 1;
}

static int read_program(void *to, size_t len, off_t offset)
{
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    ssize_t got;
    if (fd < 0) return 0;
    got = pread(fd, to, len, offset);
    close(fd);
    return got == (ssize_t)len;
}

/* Reads the chunk from the file: touched in memory, it would bring a megabyte of its neighbours
 * into the process, as Linux maps as much of a file at once as it has in one piece. */
static int load_embedded(lua_State *L, const pv_embedded *e)
{
    spot s = {e->begin, -1};
    size_t len = (size_t)(e->end - e->begin);
    void *copy = lua_newuserdatauv(L, len, 0);
    int status;
    dl_iterate_phdr(find_spot, &s);
    if (s.offset < 0 || !read_program(copy, len, s.offset)) memcpy(copy, e->begin, len);
    status = luaL_loadbufferx(L, copy, len, e->name, "b");
    lua_remove(L, -2);
    return status;
}

/* Searcher of prov.* and ops.*: the binary, or the tree with PROV_DEV. */
static int search_lua(lua_State *L)
{
    const char *module = luaL_checkstring(L, 1);
    char name[256], path[PATH_CAP * 2];
    const pv_embedded *e;
    snprintf(name, sizeof name, "%s", luaL_gsub(L, module, ".", "/"));
    if (place.tree[0] != '\0') {
        for (int i = 0; i < 2; i++) {
            snprintf(path, sizeof path, "%s/lua/%s%s.lua", place.tree, name, i == 0 ? "" : "/init");
            if (access(path, R_OK) != 0) continue;
            if (luaL_loadfilex(L, path, "t") != LUA_OK) return lua_error(L);
            return 1;
        }
    }
    snprintf(path, sizeof path, "%s.lua", name);
    if ((e = find_embedded(path)) == NULL) {
        snprintf(path, sizeof path, "%s/init.lua", name);
        e = find_embedded(path);
    }
    if (e == NULL) {
        lua_pushfstring(L, "no built-in module '%s'", module);
        return 1;
    }
    if (load_embedded(L, e) != LUA_OK) return lua_error(L);
    return 1;
}

/* Searcher of the heavy core modules, which live in shared objects beside the binary. */
static int search_shared(lua_State *L)
{
    const char *module = luaL_checkstring(L, 1);
    for (const pv_shared_module *m = pv_shared_modules; m->name != NULL; m++) {
        char path[PATH_CAP * 2];
        void *handle;
        union {
            void *object;
            lua_CFunction function;
        } symbol;
        if (strcmp(m->name, module) != 0) continue;
        snprintf(path, sizeof path, "%s/%s", place.lib, m->file);
        handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        if (handle == NULL) return luaL_error(L, "cannot load %s: %s", path, dlerror());
        symbol.object = dlsym(handle, m->open);
        if (symbol.object == NULL)
            return luaL_error(L, "%s lacks %s: it is from another build", path, m->open);
        lua_pushcfunction(L, symbol.function);
        return 1;
    }
    lua_pushfstring(L, "no shared module '%s'", module);
    return 1;
}

static int app_embedded(lua_State *L)
{
    const pv_embedded *e = find_embedded(luaL_checkstring(L, 1));
    if (e == NULL) return 0;
    lua_pushlstring(L, (const char *)e->begin, (size_t)(e->end - e->begin));
    return 1;
}

static void count_handle(uv_handle_t *handle, void *state)
{
    lua_State *L = state;
    const char *kind = uv_handle_type_name(handle->type);
    if (uv_is_closing(handle) || !uv_has_ref(handle)) return;
    lua_pushinteger(L, lua_getfield(L, -1, kind) == LUA_TNIL ? 1 : lua_tointeger(L, -1) + 1);
    lua_setfield(L, -3, kind);
    lua_pop(L, 1);
}

/* app.handles() -> { timer = 2, ... }: the open handles that keep the loop alive; for tests and
 * doctor. */
static int app_handles(lua_State *L)
{
    lua_newtable(L);
    uv_walk(luv_loop(L), count_handle, L);
    return 1;
}

/* app.window(fd) -> columns, rows of the terminal; nil when fd is none or does not say */
static int app_window(lua_State *L)
{
    struct winsize size = {0};
    if (ioctl((int)luaL_checkinteger(L, 1), TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 0;
    lua_pushinteger(L, size.ws_col);
    lua_pushinteger(L, size.ws_row);
    return 2;
}

static int open_app(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"embedded", app_embedded}, {"handles", app_handles}, {"window", app_window}, {NULL, NULL}};
    static const struct {
        const char *name, *value;
    } fields[] = {
        {"version", PROV_VERSION},  {"exe", place.exe},   {"lib_dir", place.lib},
        {"share_dir", place.share}, {"tree", place.tree},
    };
    luaL_newlib(L, functions);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (fields[i].value[0] == '\0') continue;
        lua_pushstring(L, fields[i].value);
        lua_setfield(L, -2, fields[i].name);
    }
    return 1;
}

/* Puts `search` at position `at` of package.searchers. */
static void add_searcher(lua_State *L, int at, lua_CFunction search)
{
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "searchers");
    for (lua_Integer i = (lua_Integer)lua_rawlen(L, -1); i >= at; i--) {
        lua_rawgeti(L, -1, i);
        lua_rawseti(L, -2, i + 1);
    }
    lua_pushcfunction(L, search);
    lua_rawseti(L, -2, at);
    lua_pop(L, 2);
}

/* An error outside of every pcall. */
static int panic(lua_State *L)
{
    const char *text = lua_tostring(L, -1);
    fprintf(stderr, "prov: bug: %s\n", text != NULL ? text : "an error that is no text");
    return 0; /* Lua aborts */
}

pv_status pv_runtime_open(lua_State **out, pv_err *err)
{
    lua_State *L;
    pv_pool *pool;
    *out = NULL;
    if (find_places(err) != PV_OK) return err != NULL ? err->status : PV_EIO;
    pool = pv_pool_new();
    L = lua_newstate(pv_pool_realloc, pool);
    if (L == NULL) {
        pv_pool_free(pool);
        return pv_fail(err, PV_EIO, "cannot make a Lua state: out of memory");
    }
    lua_atpanic(L, panic);
    luaL_openlibs(L);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    lua_pushcfunction(L, luaopen_luv);
    lua_setfield(L, -2, "luv");
    lua_pushcfunction(L, open_app);
    lua_setfield(L, -2, "core.app");
    for (const luaL_Reg *m = pv_builtin_modules; m->name != NULL; m++) {
        lua_pushcfunction(L, m->func);
        lua_setfield(L, -2, m->name);
    }
    lua_pop(L, 1);
    add_searcher(L, 2, search_lua);
    add_searcher(L, 3, search_shared);
    /* luv's own handler exits the process when a callback raises. */
    luv_set_callback(L, lx_call);
    *out = L;
    return PV_OK;
}

static int traceback(lua_State *L)
{
    luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
    return 1;
}

int pv_runtime_run(lua_State *L, const char *module, int argc, char **argv)
{
    int code;
    lua_pushcfunction(L, traceback);
    lua_getglobal(L, "require");
    lua_pushstring(L, module);
    if (lua_pcall(L, 1, 1, 1) != LUA_OK) goto fail;
    lua_createtable(L, argc, 0);
    for (int i = 0; i < argc; i++) {
        lua_pushstring(L, argv[i]);
        lua_rawseti(L, -2, i + 1);
    }
    if (lua_pcall(L, 1, 1, 1) != LUA_OK) goto fail;
    code = (int)luaL_optinteger(L, -1, 0);
    lua_getfield(L, LUA_REGISTRYINDEX, "prov.callback_failed");
    if (lua_toboolean(L, -1) && code == 0) code = 1;
    lua_settop(L, 0);
    return code;
fail:
    fprintf(stderr, "prov: bug: %s\n", lua_tostring(L, -1));
    lua_settop(L, 0);
    return 1;
}

/* Lets the event loop end what was closed: luv would call back into handles that lua_close() has
 * freed. */
static void finish_closing(lua_State *L)
{
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_getfield(L, -1, "luv");
    if (lua_toboolean(L, -1)) uv_run(luv_loop(L), UV_RUN_NOWAIT);
    lua_pop(L, 2);
}

void pv_runtime_close(lua_State *L)
{
    void *pool;
    if (L == NULL) return;
    finish_closing(L);
    lua_getallocf(L, &pool);
    lua_close(L);
    pv_pool_free(pool);
}
