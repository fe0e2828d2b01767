// frame_protocol.h - the bytes that travel between sna_solver and sna_view, on one machine, through two pipes.
//
// Solver to view: a stream of messages, each
//
//     SnaFrameHeader | text_bytes of text | data_bytes of doubles
//
//   text: NUL-terminated strings one after the other: slice, caption, naxis axis names, nfield field names
//   data: nfield arrays of n[0]*n[1]*n[2] doubles, the first axis varies fastest
//
//   The last message is of kind SNA_FRAME_END, without text or data. An end of file without it means that the solver died.
//
// View to solver: SnaFrameReply records, shorter than PIPE_BUF and so never torn. Each one carries the running totals, so that the solver
// knows the number of frames in flight (sent - drawn - dropped) from the latest record alone.
//
// Both programs come from one build; the version is checked all the same because an installation can be half renewed.
#ifndef SNA_FRAME_PROTOCOL_H
#define SNA_FRAME_PROTOCOL_H

#include <stdint.h>

#define SNA_FRAME_MAGIC      "SNAFRAME"
#define SNA_FRAME_VERSION    1u
#define SNA_FRAME_MAX_TEXT   65536u // bytes of text in one message
#define SNA_FRAME_MAX_FIELDS 64u

enum { SNA_FRAME_DATA = 1, SNA_FRAME_END = 2 };

typedef struct {
  char     magic[8]; // SNA_FRAME_MAGIC without its NUL
  uint32_t version;
  uint32_t kind; // SNA_FRAME_DATA, SNA_FRAME_END
  int64_t  step;
  double   time;
  uint32_t naxis, nfield;
  int64_t  n[3]; // 1 beyond naxis
  double   lo[3], hi[3];
  uint64_t text_bytes, data_bytes;
} SnaFrameHeader;

enum { SNA_REPLY_READY = 1, SNA_REPLY_DRAWN = 2, SNA_REPLY_FAILED = 3, SNA_REPLY_BYE = 4 };

typedef struct {
  uint32_t kind;
  uint32_t version;
  uint64_t drawn;     // frames drawn so far
  uint64_t dropped;   // frames passed over so far because newer ones had arrived
  char     text[232]; // why, for SNA_REPLY_FAILED; NUL-terminated
} SnaFrameReply;

#endif
