"""Finding passages: embed, index, lexical, fuse, search. Knows the store; knows no source."""
