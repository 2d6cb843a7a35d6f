// expect: Ta01 Ta02 Ta03 Ta04 Tc01 Tc02 Tc03 Tc04 Td01 Td02 Td03 Td04 Te01 Te02 Te03 Te04 Tl01 Tl02 Tl03 Tl04 Tx01 Tx02 Ty01 Ty02
// decoy: Text Next TxSg
// Tables with an index that is not known. Neighbours that share no letters are text, no rows, and what is compared is no tag.
#include "driver.h"
volatile ULONG g_size; volatile PVOID g_out;
typedef struct { ULONG id; ULONG tag; ULONG size; ULONG pad; } ROW;
ROW table[] = { {1, TAG('T','a','0','1'), 32, 0}, {2, TAG('T','a','0','2'), 64, 0}, {3, TAG('T','a','0','3'), 96, 0}, {7, TAG('T','a','0','4'), 8, 0} };
static const ROW ctable[] = { {1, TAG('T','c','0','1'), 32, 0}, {2, TAG('T','c','0','2'), 64, 0}, {3, TAG('T','c','0','3'), 96, 0}, {7, TAG('T','c','0','4'), 8, 0} };
ULONG tags[4] = { TAG('T','d','0','1'), TAG('T','d','0','2'), TAG('T','d','0','3'), TAG('T','d','0','4') };
static const ULONG ctags[4] = { TAG('T','e','0','1'), TAG('T','e','0','2'), TAG('T','e','0','3'), TAG('T','e','0','4') };
NOINLINE PVOID a1(ULONG i) { return ExAllocatePoolWithTag(0, table[i].size, table[i].tag); }
NOINLINE PVOID a2(ULONG i) { return ExAllocatePoolWithTag(0, ctable[i].size, ctable[i].tag); }
NOINLINE PVOID a3(ULONG i) { return ExAllocatePoolWithTag(0, g_size, tags[i]); }
NOINLINE PVOID a4(ULONG i) { return ExAllocatePoolWithTag(0, g_size, ctags[i]); }
ROW ltable[] = { {1, TAG('T','l','0','1'), 32, 0}, {2, TAG('T','l','0','2'), 64, 0}, {3, TAG('T','l','0','3'), 96, 0}, {7, TAG('T','l','0','4'), 8, 0} };
NOINLINE PVOID find(ULONG id) { for (ULONG i = 0; i < 4; i++) if (ltable[i].id == id) return ExAllocatePoolWithTag(0, ltable[i].size, ltable[i].tag); return 0; }
NOINLINE ROW *look(ULONG id) { for (ULONG i = 0; i < 4; i++) if (table[i].id == id) return &table[i]; return 0; }
NOINLINE PVOID a5(ULONG id) { ROW *r = look(id); return r ? ExAllocatePoolWithTag(0, r->size, r->tag) : 0; }
static const struct { ULONG magic; char text[12]; } texts[] = { {TAG('H','e','a','d'), "TextNextLas"}, {TAG('w','x','y','z'), "TextNextLas"} };
NOINLINE PVOID none(ULONG i) { return ExAllocatePoolWithTag(0, g_size, texts[i].magic); }
static const struct { ULONG tags[2], signatures[2]; } mixed = { {TAG('T','x','0','1'), TAG('T','x','0','2')}, {TAG('T','x','S','g'), 0} };
static const ULONG others[2] = { TAG('T','y','0','1'), TAG('T','y','0','2') };
NOINLINE PVOID two(ULONG i, ULONG k) { ULONG tag; if (k) tag = mixed.tags[i]; else tag = others[i]; return ExAllocatePoolWithTag(0, g_size, tag); }
NOINLINE int is_ours(ULONG signature) { return signature == TAG('T','x','S','g') || signature == mixed.signatures[g_size & 1]; }
NTSTATUS API DriverEntry(PVOID driver, UNICODE_STRING *path) {
    g_size = path->Length;
    g_out = a1(g_size & 3);
    g_out = a2(g_size);
    g_out = a3(g_size);
    g_out = a4(g_size);
    g_out = find(g_size);
    g_out = a5(g_size);
    g_out = none(g_size);
    g_out = two(g_size, g_size >> 3);
    if (is_ours(g_size)) return 1;
    table[2].size = g_size;
    tags[0] = tags[0];
    return 0;
}
