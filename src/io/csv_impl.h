// csv_impl.h - what the readers and writers of CSV share: csv_file.c (lines, header, ranges, balance), csv.c (points), csv_columns.c (columns of data),
// csv_write.c.
#ifndef SNA_CSV_IMPL_H
#define SNA_CSV_IMPL_H

#include "io_impl.h"

// A table being read. The bytes after the header are cut into one range per rank; a line belongs to the rank in whose range it begins.
typedef struct {
  MPI_Comm    comm;
  PetscMPIInt rank, size;
  const char *path;
  const char *separators; // one of them stands between the fields
  PetscBool   remarks;    // lines that start with '#' are skipped after the header, too
  int         fd;
  char        separator;
  int64_t     bytes, body; // size of the file; first byte after the header
  int64_t     head_lines;  // lines up to the header, itself included
  int64_t     lines;       // of this rank's range, read so far
  PetscInt    ncols;       // of the file
  char      **names;
  PetscInt    width;           // numbers kept of a row
  PetscInt    nrows, capacity; // rows read by this rank
  double     *rows;            // nrows x width
  int64_t     error_line;      // line of this rank's range (1: the first) that `message` is about; 0: no line
  char        message[SNA_MAX_MESSAGE];
} SnaCsv;

// Collective. Fills the struct but for `width`; the names are found and all different, or message tells why not.
PetscErrorCode SnaCsvOpen(MPI_Comm comm, const char path[], const char separators[], PetscBool remarks, SnaCsv *csv,
  char message[SNA_MAX_MESSAGE]);
PetscErrorCode SnaCsvClose(SnaCsv *csv); // frees names and rows
// Reads this rank's range from its start: one call of `take` per line that is not blank, which fills `width` numbers or csv->message. line[length] is
// '\n', and the line may be changed in place. Not collective.
typedef PetscErrorCode (*SnaLineTaker)(void *ctx, SnaCsv *csv, char line[], size_t length, double values[]);
PetscErrorCode SnaCsvReadRange(SnaCsv *csv, SnaLineTaker take, void *ctx);
// Collective: "path:line: text" of the first error in the order of the file, on every rank; empty without one. After SnaCsvReadRange().
PetscErrorCode SnaCsvAgree(SnaCsv *csv, char message[SNA_MAX_MESSAGE]);
// Collective: number of the line before this rank's first.
PetscErrorCode SnaCsvLinesBefore(SnaCsv *csv, int64_t *lines);
// Collective: moves rows to neighbours until all ranks hold the same number to within one.
PetscErrorCode SnaCsvBalance(SnaCsv *csv);

// The field at `at`: [*from, *to) without blanks and quotes, doubled quotes made single in place. Returns its end, a separator or `last`; NULL and the
// message when a quote is not closed or something follows it.
char       *SnaCsvField(SnaCsv *csv, char *at, const char last[], char **from, char **to);
const char *SnaCsvSeparatorName(const SnaCsv *csv); // "comma"
// Names of a header line, line[length] being '\n'. What is wrong goes to csv->message.
PetscErrorCode SnaCsvParseNames(SnaCsv *csv, char line[], size_t length);
// For messages: at most 40 bytes, control characters shown as '?'.
const char *SnaCsvShow(const char from[], const char end[], char shown[44]);

// A table as text, one line of names, then the rows of all ranks in rank order. `format` writes rows first .. first+n-1 as whole lines, at most
// row_bytes each, and returns how many bytes. Atomic, collective.
typedef size_t (*SnaRowFormatter)(void *ctx, PetscInt first, PetscInt n, char text[]);
PetscErrorCode SnaCsvWrite(MPI_Comm comm, const char path[], PetscInt nlocal, PetscInt ncols, const char *const names[],
  size_t row_bytes, SnaRowFormatter format, void *ctx, char message[SNA_MAX_MESSAGE]);
// Puts a text between quotes where it needs them; at most 2 strlen + 2 bytes. Returns their number.
size_t SnaCsvQuote(const char text[], char to[]);
// The names as a line without end; PetscFree it.
PetscErrorCode SnaCsvJoinNames(PetscInt ncols, const char *const names[], char **text);

#endif
