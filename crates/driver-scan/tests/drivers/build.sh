#!/bin/sh
# Builds the drivers of this folder into $1. Needs gcc-mingw-w64 (x86-64 and i686), clang and lld.
# CI and tests use the committed images; run this after changing a source.
set -e
out=${1:?folder}
here=$(dirname "$0")
mkdir -p "$out/lib"
names="ExAllocatePoolWithTag:12 ExAllocatePool2:16 ExAllocatePool3:24 ExFreePoolWithTag:8 ExInitializeNPagedLookasideList:28 \
ExInitializePagedLookasideList:28 ExInitializeLookasideListEx:32 MmGetSystemRoutineAddress:4 RtlInitUnicodeString:8 \
ZwQueryValueKey:24 NdisAllocateMemoryWithTagPriority:16 NdisAllocateMemoryWithTag:12 NdisAllocateNetBufferListPool:8 \
NdisAllocateNetBufferPool:8 ObReferenceObjectByPointerWithTag:20 StorPortExtendedFunction:c DbgPrint:c AcmeTrace:8 WdfVersionBind:16 FltRegisterFilter:12 FltAllocatePoolAlignedWithTag:16 KeSetEvent:12 ZwClose:4 PsCreateSystemThread:28 IoAllocateWorkItem:4 IoQueueWorkItem:16 ExAllocatePoolWithTagPriority:16 ExAllocatePoolWithQuotaTag:12 \
MmAllocateMappingAddress:8 NdisAllocateGenericObject:12 IoInitializeRemoveLockEx:20 IoCreateDevice:28 IoAllocateDriverObjectExtension:16 IoGetDriverObjectExtension:8"
for arch in x64 x86; do
    def="$out/lib/$arch.def"
    printf 'LIBRARY ntoskrnl.exe\nEXPORTS\n' >"$def"
    for n in $names; do
        case "$arch:$n" in
        x86:*:c | x64:*) echo "${n%%:*}" >>"$def" ;;
        *) echo "${n%%:*}@${n##*:}" >>"$def" ;;
        esac
    done
done
x86_64-w64-mingw32-dlltool -k -d "$out/lib/x64.def" -l "$out/lib/libx64.a"
i686-w64-mingw32-dlltool -k -d "$out/lib/x86.def" -l "$out/lib/libx86.a"
llvm-dlltool -m arm64 -d "$out/lib/x64.def" -l "$out/lib/arm64.lib"
llvm-dlltool -m i386:x86-64 -d "$out/lib/x64.def" -l "$out/lib/x64.lib"
flags="-ffreestanding -fno-stack-protector -fno-asynchronous-unwind-tables -fno-ident -nostdlib -w"
link="-shared -Wl,--subsystem,native -Wl,--entry,DriverEntry -Wl,--no-insert-timestamp -Wl,--strip-all -s"
for source in "$here"/*.c; do
    name=$(basename "$source" .c)
    for level in O0 O2 Os; do
        x86_64-w64-mingw32-gcc -$level $flags -mno-stack-arg-probe -fshort-wchar "$source" $link -o "$out/$name.x64.gcc.$level.sys" "$out/lib/libx64.a"
        i686-w64-mingw32-gcc -$level $flags -mno-stack-arg-probe -fshort-wchar "$source" -shared -Wl,--subsystem,native -Wl,--entry,_DriverEntry@8 -Wl,--no-insert-timestamp -s -o "$out/$name.x86.gcc.$level.sys" "$out/lib/libx86.a"
    done
    for target in arm64:aarch64 x64:x86_64; do
        for level in O0 O2; do
            clang --target=${target#*:}-pc-windows-msvc -$level -ffreestanding -fno-stack-protector -mno-stack-arg-probe -w -c "$source" -o "$out/lib/one.obj"
            lld-link -dll -subsystem:native -entry:DriverEntry -nodefaultlib -timestamp:0 -out:"$out/$name.${target%:*}.clang.$level.sys" "$out/lib/one.obj" "$out/lib/${target%:*}.lib"
            rm -f "$out/$name.${target%:*}.clang.$level.lib"
        done
    done
done
