// vti_stream.c - the bytes of one array of a VTK XML file, decoded one after the other.
//
//   ascii     numbers with blanks between them
//   raw       bytes after the "_" of the appended data       base64    the same, or inline, 4 characters for 3 bytes
//   header    in words of 4 or 8 bytes; plain: the array's bytes. zlib: blocks, bytes of a block before compression, bytes of the last one if it
//             is shorter (else 0), then the compressed bytes of each block; the blocks follow, in base64 with a padding of their own
//
// Reference: the VTK file formats, "XML File Formats" (docs.vtk.org). Blocks that lie before the wanted bytes are passed over, everything else is decoded from the
// beginning of the array: a plane's place in ascii or base64 with line breaks is not known before. Not done: LZ4, LZMA, arrays of bits.
#include "voxel_impl.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

struct SnaVtiStream_ {
  const char   *path; // borrowed
  PetscBool     ascii, base64, zlib;
  int64_t       left;       // bytes of the array still to come
  SnaCharacters characters; // ascii and base64
  int           fd;
  int64_t       offset; // raw: of the next byte
  unsigned char group[3];
  int           ngroup, group_at; // base64: bytes decoded, and of them taken
  // zlib
  int64_t        nblock, block_bytes, last_bytes, block; // block: the next one to come
  int64_t       *packed_bytes;                           // of each block
  unsigned char *packed, *plain;
  size_t         packed_size, nplain, plain_at; // of the present block
};

void SnaCharactersStart(SnaCharacters *c, int fd, int64_t offset)
{
  c->fd   = fd;
  c->next = offset;
  c->at = c->filled = 0;
}

int SnaCharactersNext(SnaCharacters *c)
{
  if (c->at == c->filled) {
    const ssize_t got = pread(c->fd, c->text, sizeof(c->text), (off_t)c->next);

    if (got <= 0) return -1;
    c->next += got;
    c->filled = (size_t)got;
    c->at     = 0;
  }
  return c->text[c->at++];
}

int64_t SnaCharactersOffset(const SnaCharacters *c)
{
  return c->next - (int64_t)(c->filled - c->at);
}

static PetscBool IsBlank(int c)
{
  return c == ' ' || c == '\n' || c == '\r' || c == '\t' ? PETSC_TRUE : PETSC_FALSE;
}

// ---------------------------------------------------------------------------------------------------------------------
// Characters to bytes
// ---------------------------------------------------------------------------------------------------------------------
static int Base64Value(int c)
{
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

// The next 1 to 3 bytes; FALSE at the end of the array's text.
static PetscBool NextGroup(SnaVtiStream s)
{
  uint32_t bits = 0;
  int      n = 0, padding = 0;

  while (n < 4) {
    const int c = SnaCharactersNext(&s->characters);
    const int v = Base64Value(c);

    if (IsBlank(c)) continue;
    if (v < 0 && (c != '=' || n < 2)) return PETSC_FALSE;
    padding += c == '=';
    bits = bits << 6 | (uint32_t)PetscMax(v, 0);
    n++;
  }
  for (int b = 0; b < 3; b++) s->group[b] = (unsigned char)(bits >> (16 - 8 * b));
  s->ngroup   = 3 - padding;
  s->group_at = 0;
  return PETSC_TRUE;
}

// Bytes as they stand in the file after base64; data may be NULL.
static void ReadEncoded(SnaVtiStream s, int64_t bytes, unsigned char data[], char message[SNA_MAX_MESSAGE])
{
  if (!s->base64) {
    if (data && !SnaReadAt(s->fd, s->path, s->offset, (size_t)bytes, data, message)) return;
    s->offset += bytes;
    return;
  }
  for (int64_t i = 0; i < bytes; i++) {
    if (s->group_at == s->ngroup && !NextGroup(s)) {
      SnaMessageSet(message, "%s: truncated or damaged: the base64 text of the array ends too early", s->path);
      return;
    }
    if (data) data[i] = s->group[s->group_at];
    s->group_at++;
  }
}

static void ReadWords(
  SnaVtiStream s, const SnaVoxelsHeader *header, int64_t n, int64_t words[], char message[SNA_MAX_MESSAGE])
{
  for (int64_t w = 0; w < n && !message[0]; w++) {
    unsigned char bytes[8] = {0};
    uint64_t      value    = 0;
    const int     size     = header->word;

    ReadEncoded(s, size, bytes, message);
    for (int b = 0; b < size; b++) // most significant first
      value = value << 8 | bytes[SnaIsBigEndian() != header->word_swap ? b : size - 1 - b];
    if (value > INT64_MAX) SnaMessageSet(message, "%s: damaged: the header of the array makes no sense", s->path);
    words[w] = (int64_t)value;
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Blocks
// ---------------------------------------------------------------------------------------------------------------------
static int64_t PlainBytes(SnaVtiStream s, int64_t block)
{
  return block == s->nblock - 1 && s->last_bytes ? s->last_bytes : s->block_bytes;
}

static PetscErrorCode ReadBlockTable(
  SnaVtiStream s, const SnaVoxelsHeader *header, int64_t total, char message[SNA_MAX_MESSAGE])
{
  int64_t words[3] = {0, 0, 0}, largest = 0;

  PetscFunctionBeginUser;
  ReadWords(s, header, 3, words, message);
  s->nblock      = words[0];
  s->block_bytes = words[1];
  s->last_bytes  = words[2];
  if (!message[0] &&
      (s->nblock < 1 || s->nblock > total || s->block_bytes < 1 || s->block_bytes > total + (1 << 20) ||
        s->last_bytes >= s->block_bytes + !s->last_bytes ||
        (double)(s->nblock - 1) * (double)s->block_bytes + (double)PlainBytes(s, s->nblock - 1) != (double)total)) {
    SnaMessageSet(message,
      "%s: damaged: the compressed array has %lld blocks of %lld bytes, %lld bytes are expected in all", s->path,
      (long long)s->nblock, (long long)s->block_bytes, (long long)total);
  }
  if (message[0]) PetscFunctionReturn(0);
  PetscCall(PetscMalloc1(s->nblock, &s->packed_bytes));
  ReadWords(s, header, s->nblock, s->packed_bytes, message);
  for (int64_t b = 0; b < s->nblock && !message[0]; b++) {
    if (s->packed_bytes[b] > (int64_t)compressBound((uLong)s->block_bytes) + 64)
      SnaMessageSet(message, "%s: damaged: a compressed block of %lld bytes", s->path, (long long)s->packed_bytes[b]);
    largest = PetscMax(largest, s->packed_bytes[b]);
  }
  if (message[0]) PetscFunctionReturn(0);
  PetscCall(PetscMalloc1(largest, &s->packed));
  PetscCall(PetscMalloc1(s->block_bytes, &s->plain));
  PetscFunctionReturn(0);
}

// data may be NULL: blocks that are passed over whole are not inflated.
static void ReadInflated(SnaVtiStream s, int64_t bytes, unsigned char *data, char message[SNA_MAX_MESSAGE])
{
  while (bytes && !message[0]) {
    const int64_t here = PetscMin(bytes, (int64_t)(s->nplain - s->plain_at));

    if (here) {
      if (data) {
        memcpy(data, s->plain + s->plain_at, (size_t)here);
        data += here;
      }
      s->plain_at += (size_t)here;
      bytes -= here;
    } else if (!data && bytes >= PlainBytes(s, s->block)) {
      bytes -= PlainBytes(s, s->block);
      ReadEncoded(s, s->packed_bytes[s->block++], NULL, message);
    } else {
      const int64_t expected = PlainBytes(s, s->block), packed = s->packed_bytes[s->block];
      uLongf        size = (uLongf)expected;

      ReadEncoded(s, packed, s->packed, message);
      if (!message[0] && (uncompress(s->plain, &size, s->packed, (uLong)packed) != Z_OK || size != (uLongf)expected))
        SnaMessageSet(
          message, "%s: damaged: block %lld of the compressed array cannot be inflated", s->path, (long long)s->block);
      s->nplain   = (size_t)expected;
      s->plain_at = 0;
      s->block++;
    }
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// ascii
// ---------------------------------------------------------------------------------------------------------------------
// The next word; FALSE at the end of the array's text.
static PetscBool NextWord(SnaVtiStream s, char word[64])
{
  int c, n = 0;

  do {
    c = SnaCharactersNext(&s->characters);
  } while (IsBlank(c));
  if (c < 0 || c == '<') return PETSC_FALSE;
  for (; c >= 0 && c != '<' && !IsBlank(c); c = SnaCharactersNext(&s->characters)) {
    if (n < 63) word[n++] = (char)c;
  }
  if (c == '<') s->characters.at--; // for the next call
  word[n] = 0;
  return PETSC_TRUE;
}

static void ReadAscii(SnaVtiStream s, int64_t n, double *data, char message[SNA_MAX_MESSAGE])
{
  char word[64], *end;

  for (int64_t i = 0; i < n; i++) {
    if (!NextWord(s, word)) {
      SnaMessageSet(message, "%s: truncated or damaged: %lld numbers are missing at the end of the array", s->path,
        (long long)(s->left / (int64_t)sizeof(double) - i));
      return;
    }
    if (!data) continue;
    if (word[0] >= '0' && word[0] <= '9' && !word[1]) { // most of all images
      data[i] = word[0] - '0';
      continue;
    }
    data[i] = strtod(word, &end);
    if (end == word || *end) {
      SnaMessageSet(message, "%s: damaged: `%s` in the array is not a number", s->path, word);
      return;
    }
  }
  if (n * (int64_t)sizeof(double) == s->left && NextWord(s, word))
    SnaMessageSet(message, "%s: damaged: the array holds more numbers than the image has voxels", s->path);
}

// ---------------------------------------------------------------------------------------------------------------------
// The stream
// ---------------------------------------------------------------------------------------------------------------------
PetscErrorCode SnaVtiStreamCreate(int fd, const char path[], const SnaVoxelsHeader *header, int64_t total,
  SnaVtiStream *stream, char message[SNA_MAX_MESSAGE])
{
  SnaVtiStream s;
  int64_t      bytes = 0;

  PetscFunctionBeginUser;
  PetscCall(PetscNew(&s));
  s->fd     = fd;
  s->path   = path;
  s->ascii  = header->ascii;
  s->base64 = header->base64;
  s->zlib   = header->zlib && !header->ascii ? PETSC_TRUE : PETSC_FALSE;
  s->left   = total;
  s->offset = header->offset;
  SnaCharactersStart(&s->characters, fd, header->offset);
  if (s->zlib)
    PetscCall(ReadBlockTable(s, header, total, message));
  else if (!s->ascii) {
    ReadWords(s, header, 1, &bytes, message);
    if (bytes != total)
      SnaMessageSet(message, "%s: damaged: the array has %lld bytes, the extent asks for %lld", path, (long long)bytes,
        (long long)total);
  }
  if (message[0]) PetscCall(SnaVtiStreamDestroy(&s));
  *stream = s;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaVtiStreamDestroy(SnaVtiStream *stream)
{
  PetscFunctionBeginUser;
  if (!*stream) PetscFunctionReturn(0);
  PetscCall(PetscFree((*stream)->packed_bytes));
  PetscCall(PetscFree((*stream)->packed));
  PetscCall(PetscFree((*stream)->plain));
  PetscCall(PetscFree(*stream));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaVtiStreamRead(SnaVtiStream s, int64_t bytes, void *data, char message[SNA_MAX_MESSAGE])
{
  PetscFunctionBeginUser;
  PetscCheck(bytes <= s->left, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "%lld bytes of an array that has %lld left",
    (long long)bytes, (long long)s->left);
  if (s->ascii)
    ReadAscii(s, bytes / (int64_t)sizeof(double), (double *)data, message);
  else if (s->zlib)
    ReadInflated(s, bytes, (unsigned char *)data, message);
  else
    ReadEncoded(s, bytes, (unsigned char *)data, message);
  s->left -= bytes;
  PetscFunctionReturn(0);
}
