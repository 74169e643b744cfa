#!/bin/sh
# Prints a line for every file that the program of the checkout $1 is made of, with what changes when the file does: size
# and both times. bin/proa compares it with what it was when the program was bundled.
cd "$1" && exec find -L src package.json node_modules/.package-lock.json tools/program \
  -type f ! -name '*.test.ts' -printf '%p %s %T@ %C@\n'
