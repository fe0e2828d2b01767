// csv_write.c - tables as text: every rank formats its rows and writes them at their place in the file.
//
// Quotes as in RFC 4180, and around what a reader could take for something else: blanks at the ends, other separators, a number that is a name, a remark.
#include "csv_impl.h"
#include <string.h>

#define WRITE_BYTES ((size_t)64 << 20) // of text held at a time

size_t SnaCsvQuote(const char text[], char to[])
{
  const size_t    n     = strlen(text);
  const PetscBool quote = !n || strpbrk(text, ",;\t\"") || text[0] == ' ' || text[0] == '#' || text[n - 1] == ' ';
  char           *at    = to;

  if (!quote) {
    memcpy(to, text, n);
    return n;
  }
  *at++ = '"';
  for (const char *p = text; *p; p++) {
    if (*p == '"') *at++ = '"';
    *at++ = *p;
  }
  *at++ = '"';
  return (size_t)(at - to);
}

// A name that begins like a number, or holds a blank, gets quotes too.
static size_t QuoteName(const char name[], char to[])
{
  size_t n = SnaCsvQuote(name, to);

  if (to[0] != '"' && (strchr(name, ' ') || strspn(name, "+-.0123456789"))) {
    memmove(to + 1, to, n);
    to[0]     = '"';
    to[n + 1] = '"';
    n += 2;
  }
  return n;
}

PetscErrorCode SnaCsvJoinNames(PetscInt ncols, const char *const names[], char **text)
{
  size_t room = 1;
  char  *to;

  PetscFunctionBeginUser;
  for (PetscInt c = 0; c < ncols; c++) room += 2 * strlen(names[c]) + 3;
  PetscCall(PetscMalloc1(room, text));
  to = *text;
  for (PetscInt c = 0; c < ncols; c++) {
    if (c) *to++ = ',';
    to += QuoteName(names[c], to);
  }
  *to = 0;
  PetscFunctionReturn(0);
}

// The place of a rank's text follows from the sizes of those before it. A text that is too long to be held is formatted
// once for its size and again for writing.
PetscErrorCode SnaCsvWrite(MPI_Comm comm, const char path[], PetscInt nlocal, PetscInt ncols, const char *const names[],
  size_t row_bytes, SnaRowFormatter format, void *ctx, char message[SNA_MAX_MESSAGE])
{
  const PetscInt nblock = (PetscInt)PetscMax(1, PetscMin((size_t)nlocal, WRITE_BYTES / row_bytes));
  char          *text, *header;
  size_t         header_length;
  int64_t        bytes = 0, offset = 0;
  int            fd = -1;
  PetscMPIInt    rank;
  MPI_File       part;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  if (rank == 0) fd = SnaPartOpen(path, message);
  PetscCall(SnaPartOpenAll(comm, path, &part, message));
  PetscCall(SnaCsvJoinNames(ncols, names, &header));
  header_length             = strlen(header) + 1;
  header[header_length - 1] = '\n';
  PetscCall(PetscMalloc1((size_t)nblock * row_bytes + 32, &text)); // 32: what SnaNumberFormat() may touch
  for (PetscInt i = 0; i < nlocal && !message[0]; i += nblock)
    bytes += (int64_t)format(ctx, i, PetscMin(nblock, nlocal - i), text);
  PetscCallMPI(MPI_Exscan(&bytes, &offset, 1, MPI_INT64_T, MPI_SUM, comm));
  if (rank == 0) {
    offset = 0;
    PetscCall(SnaPartWriteAt(part, path, 0, header_length, header, message));
  }
  offset += (int64_t)header_length;
  for (PetscInt i = 0; i < nlocal && !message[0]; i += nblock) {
    const size_t length = nlocal <= nblock ? (size_t)bytes : format(ctx, i, PetscMin(nblock, nlocal - i), text);

    PetscCall(SnaPartWriteAt(part, path, (MPI_Offset)offset, length, text, message));
    offset += (int64_t)length;
  }
  PetscCall(SnaPartCloseAll(comm, path, &part, message));
  if (rank == 0) SnaPartPublish(fd, path, message);
  PetscCall(SnaMessageBroadcast(comm, message));
  PetscCall(PetscFree(text));
  PetscCall(PetscFree(header));
  PetscFunctionReturn(0);
}
