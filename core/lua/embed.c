/* Part of the build: compiles the Lua files that go into the binary, with their line numbers.
 *   embed OUT.S OUT.bin LIST     LIST has a line "NAME PATH" for each file; NAME is below lua/
 * OUT.bin holds the chunks, OUT.S the table of core/app/runtime.h over it.  Loading a chunk takes a
 * tenth of the time of its text. */
#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_CAP = 8192 };

static void die(const char *what, const char *why)
{
    fprintf(stderr, "embed: %s: %s\n", what, why);
    exit(1);
}

static FILE *open_file(const char *path, const char *mode)
{
    FILE *f = fopen(path, mode);
    if (f == NULL) die(path, "cannot be opened");
    return f;
}

/* Pushes the text of a file. */
static void push_text(lua_State *L, const char *path)
{
    FILE *f = open_file(path, "rb");
    luaL_Buffer text;
    size_t got;
    luaL_buffinit(L, &text);
    do {
        got = fread(luaL_prepbuffer(&text), 1, LUAL_BUFFERSIZE, f);
        luaL_addsize(&text, got);
    } while (got != 0);
    if (ferror(f)) die(path, "cannot be read");
    fclose(f);
    luaL_pushresult(&text);
}

static int write_part(lua_State *L, const void *part, size_t size, void *out)
{
    (void)L;
    return fwrite(part, 1, size, out) != size;
}

static void compile(lua_State *L, const char *name, const char *path, FILE *out)
{
    push_text(L, path);
    lua_pushfstring(L, "@lua/%s", name);
    if (luaL_loadbufferx(L, lua_tostring(L, 1), lua_rawlen(L, 1), lua_tostring(L, 2), "t") !=
        LUA_OK)
        die(path, lua_tostring(L, -1));
    if (lua_dump(L, write_part, out, 0) != 0) die(path, "its chunk cannot be written");
    lua_settop(L, 0);
}

/* The names have a section of their own: a look for one must not bring in the pages of all chunks.
 */
static void add_row(FILE *out, int i, const char *name, long begin, long end)
{
    fprintf(out, "    .section .rodata.names,\"a\"\n.Lname%d: .asciz \"%s\"\n", i, name);
    fprintf(out,
            "    .section .data.rel.ro,\"aw\"\n    .quad .Lname%d, .Lchunks+%ld, .Lchunks+%ld\n", i,
            begin, end);
}

int main(int argc, char **argv)
{
    char line[LINE_CAP];
    lua_State *L = luaL_newstate();
    FILE *list, *table, *chunks;
    if (argc != 4 || L == NULL) die("usage", "embed OUT.S OUT.bin LIST");
    table = open_file(argv[1], "w");
    chunks = open_file(argv[2], "wb");
    list = open_file(argv[3], "r");
    fprintf(table, "    .section .rodata\n.Lchunks: .incbin \"%s\"\n", argv[2]);
    fprintf(table, "    .section .data.rel.ro,\"aw\"\n    .balign 8\n    .globl pv_embedded_files\n"
                   "    .type pv_embedded_files, %%object\npv_embedded_files:\n");
    for (int i = 0; fgets(line, sizeof line, list) != NULL; i++) {
        char *path = strchr(line, ' ');
        long begin = ftell(chunks);
        if (path == NULL) die(line, "expected NAME PATH");
        *path++ = '\0';
        path[strcspn(path, "\n")] = '\0';
        compile(L, line, path, chunks);
        add_row(table, i, line, begin, ftell(chunks));
    }
    fprintf(table, "    .quad 0, 0, 0\n    .size pv_embedded_files, . - pv_embedded_files\n"
                   "    .section .note.GNU-stack,\"\",%%progbits\n");
    if (fclose(table) != 0) die(argv[1], "cannot be written");
    if (fclose(chunks) != 0) die(argv[2], "cannot be written");
    fclose(list);
    lua_close(L);
    return 0;
}
