#!/bin/sh
# language: everyday programs: make, tar, gzip, sed, find, sort, diff, git where it is
# package: make
# needs: make tar gzip diff find
# run: sh tools.sh
# limits: memory=256m processes=50 cpu=20s wall=30s
# expect: hello, world|built|packed|same|found|dates|done
set -e
echo 'hello, world'
cat >hello.c <<'END'
#include <stdio.h>
int main(void) { puts("built"); return 0; }
END
printf 'hello: hello.c\n\t$(CC) -O2 -g -o hello hello.c\n' >Makefile
make -s -j2 hello && ./hello
ar rc all.a hello && strip hello && nm all.a >/dev/null 2>&1 || true
mkdir -p a/b && seq 100 >a/b/numbers && tar cf - a | gzip -9 | (mkdir c && cd c && gzip -d | tar xf -) && echo packed
diff -r a c/a && cmp a/b/numbers c/a/b/numbers && echo same
[ "$(find . -name numbers -newer Makefile | wc -l)" = 2 ] && ls -lR /usr/bin >/dev/null 2>&1 || true
find . -type f -print0 | xargs -0 -n 1 -P 2 sha256sum | sort >/dev/null && echo found
date -u +%Y >/dev/null && touch -d 2020-01-01 a/b/numbers && stat a/b/numbers >/dev/null && df . >/dev/null && id >/dev/null
ps >/dev/null 2>&1 || true
uname -a >/dev/null && nproc >/dev/null && free >/dev/null 2>&1 || true
echo dates
if command -v git >/dev/null; then
    git init -q repository && cd repository && git config user.email a@b && git config user.name a
    cp ../hello.c . && git add . && git commit -qm first && git log >/dev/null
fi
timeout 5 sleep 0.01
xz --version >/dev/null 2>&1 && echo data | xz -T2 | xz -d >/dev/null
mktemp >/dev/null
mkfifo pipe && (echo through >pipe &) && read -r line <pipe && [ "$line" = through ]
echo done
