#!/usr/bin/env python3
"""Writes before.csv and after.csv into FOLDER: forty tags, one of which leaks until the fix."""

import random
import sys

random.seed(5)
tags = [("Leak", "nonpaged"), ("NDsh", "nonpaged")] + [(f"Q{number:03}", "paged") for number in range(38)]


def table(path, leaking):
    with open(path, "w", encoding="ascii") as out:
        out.write("time,tag,pool,allocs,frees,bytes\n")
        allocs = {tag: 100_000 + 1_000 * place for place, (tag, _) in enumerate(tags)}
        live = {tag: 2_000 for tag, _ in tags}
        for sample in range(121):
            for tag, pool in tags:
                grows = leaking and tag in ("Leak", "NDsh")
                live[tag] += 40 if grows else 0
                now = live[tag] + random.randint(-20, 20)
                allocs[tag] += random.randint(100, 200)
                out.write(f"{1_790_000_000 + 60 * sample},{tag},{pool},{allocs[tag] + now},{allocs[tag]},{now * 512}\n")


table(f"{sys.argv[1]}/before.csv", True)
table(f"{sys.argv[1]}/after.csv", False)
