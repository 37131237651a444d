#ifndef PLUMBLINE_CZLIB_SHIM_H
#define PLUMBLINE_CZLIB_SHIM_H

#include <zlib.h>

// zlib's starters are macros, which Swift cannot see. 31 = the largest window (15) + 16 for gzip.

static inline int plumbline_inflate_start(z_stream *stream) {
    return inflateInit2(stream, 31);
}

static inline int plumbline_deflate_start(z_stream *stream, int level) {
    return deflateInit2(stream, level, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY);
}

#endif
