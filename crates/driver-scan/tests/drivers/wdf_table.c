// expect: WdD1 WdM2 WdL3
#define MINOR 15
#include "wdf.h"
PVOID *g_table;
struct bind g_bind = {sizeof g_bind, u"KmdfLibrary", {1, MINOR, 0}, 444, &g_table, 0};
#define FUNCTION(index) g_table[index]
#include "wdf_body.h"
