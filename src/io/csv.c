// csv.c - tables of numbers as text, read in parallel.
//
// The bytes after the header are cut into one range per rank; a line belongs to the rank in whose range it begins.
// Every rank streams its range in blocks, then rows move to their neighbours until all ranks hold the same number to
// within one. Line numbers are counted only when there is an error to report. Not done: quoted fields other than names,
// other separators than the comma, compressed files, pipes.
#include "io_impl.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK_BYTES  ((size_t)4 << 20)
#define LONGEST_LINE ((size_t)64 << 20)

// ---------------------------------------------------------------------------------------------------------------------
// Lines of a file, in blocks
// ---------------------------------------------------------------------------------------------------------------------
typedef struct {
  int     fd;
  char   *block; // capacity + 1 bytes: room for the end of a last line that has none
  size_t  capacity, filled, at;
  int64_t offset; // of block[0] in the file
  int     at_end;
} LineReader;

static PetscErrorCode LineReaderCreate(int fd, int64_t offset, LineReader *reader)
{
  PetscFunctionBeginUser;
  *reader = (LineReader){.fd = fd, .capacity = BLOCK_BYTES, .offset = offset};
  PetscCall(PetscMalloc1(BLOCK_BYTES + 1, &reader->block));
  PetscFunctionReturn(0);
}

// The next line without its end, terminated by '\n' in the block, valid until the next call; NULL at the end of the
// file or with a message.
static PetscErrorCode NextLine(
  LineReader *reader, char **line, size_t *length, int64_t *offset, char message[SNA_MAX_MESSAGE])
{
  PetscFunctionBeginUser;
  *line = NULL;
  for (size_t searched = 0;;) {
    char   *start = reader->block + reader->at;
    size_t  left  = reader->filled - reader->at;
    char   *end   = left > searched ? (char *)memchr(start + searched, '\n', left - searched) : NULL;
    ssize_t got;

    if (!end && reader->at_end && left) {
      end  = start + left;
      *end = '\n';
    }
    if (end) {
      *line      = start;
      *length    = (size_t)(end - start);
      *offset    = reader->offset + (int64_t)reader->at;
      reader->at = PetscMin(reader->filled, reader->at + *length + 1);
      if (*length && start[*length - 1] == '\r') start[--*length] = '\n';
      break;
    }
    if (reader->at_end) break;
    searched = left;
    memmove(reader->block, start, left);
    reader->offset += (int64_t)reader->at;
    reader->at     = 0;
    reader->filled = left;
    if (left == reader->capacity) {
      if (left >= LONGEST_LINE) {
        *offset = reader->offset;
        SnaMessageSet(message, "a line of more than %zu MB: not a table of numbers", LONGEST_LINE >> 20);
        break;
      }
      reader->capacity *= 2;
      PetscCall(PetscRealloc(reader->capacity + 1, &reader->block));
    }
    do {
      got = pread(reader->fd, reader->block + left, reader->capacity - left, (off_t)(reader->offset + (int64_t)left));
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
      *offset = reader->offset;
      SnaMessageSet(message, "cannot read: %s", strerror(errno));
      break;
    }
    reader->at_end = got == 0;
    reader->filled += (size_t)got;
  }
  PetscFunctionReturn(0);
}

static const char *SkipBlanks(const char at[])
{
  while (*at == ' ' || *at == '\t') at++;
  return at;
}

static PetscBool IsSkipped(const char line[])
{
  line = SkipBlanks(line);
  return *line == '\n' || *line == '#' ? PETSC_TRUE : PETSC_FALSE;
}

// ---------------------------------------------------------------------------------------------------------------------
// One CSV table
// ---------------------------------------------------------------------------------------------------------------------
typedef struct {
  MPI_Comm    comm;
  PetscMPIInt rank, size;
  const char *path;
  int         fd;
  int64_t     bytes, body; // size of the file; first byte after the header
  PetscInt    ncols;
  char      **names;
  PetscInt    nrows, capacity; // rows read by this rank
  double     *rows;
  int64_t     error_at; // offset of the line that message is about; -1: no line
  char        message[SNA_MAX_MESSAGE];
} CsvTable;

// A field for a message: at most 40 bytes, control characters shown as '?'.
static const char *ShowField(const char from[], const char end[], char shown[44])
{
  size_t n = 0;

  while (end > from && (end[-1] == ' ' || end[-1] == '\t')) end--;
  for (; from < end && n < 40; from++) shown[n++] = (unsigned char)*from < ' ' || *from == 127 ? '?' : *from;
  if (from < end) {
    memcpy(shown + n, "...", 3);
    n += 3;
  }
  shown[n] = 0;
  return shown;
}

static PetscErrorCode AddName(CsvTable *table, const char from[], size_t length)
{
  char *name;

  PetscFunctionBeginUser;
  PetscCall(PetscRealloc((size_t)(table->ncols + 1) * sizeof(*table->names), &table->names));
  PetscCall(PetscMalloc1(length + 1, &name));
  memcpy(name, from, length);
  name[length]                 = 0;
  table->names[table->ncols++] = name;
  if (!length) SnaMessageSet(table->message, "column %lld has no name", (long long)table->ncols);
  for (PetscInt c = 0; c + 1 < table->ncols; c++) {
    if (!strcmp(table->names[c], name)) SnaMessageSet(table->message, "two columns are named `%.60s`", name);
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode ParseHeader(CsvTable *table, char line[], size_t length)
{
  const char *at = line, *const last = line + length;
  char shown[44];

  PetscFunctionBeginUser;
  if (length >= 3 && !memcmp(at, "\xef\xbb\xbf", 3)) at += 3; // the byte order mark of some spreadsheets
  for (;;) {
    double number;

    at = SkipBlanks(at);
    if (*at == '"') { // a doubled quote stands for one; the name shrinks in place
      char *name = (char *)at, *to = name;

      for (at++; at < last && (*at != '"' || at[1] == '"'); at++) {
        if (*at == '"') at++;
        *to++ = *at;
      }
      if (at == last) {
        SnaMessageSet(table->message, "a quote is not closed");
        break;
      }
      PetscCall(AddName(table, name, (size_t)(to - name)));
      at = SkipBlanks(at + 1);
    } else {
      const char *const from = at, *end;

      while (at < last && *at != ',') at++;
      for (end = at; end > from && (end[-1] == ' ' || end[-1] == '\t'); end--) continue;
      if (SnaNumberParse(from, &number) == end && end > from) {
        SnaMessageSet(table->message, "the first line must name the columns, such as x,y,t; it holds the number %s",
          ShowField(from, end, shown));
        break;
      }
      for (const char *c = from; c < end; c++) {
        if ((unsigned char)*c < ' ' || *c == '"') {
          SnaMessageSet(table->message, "`%s` cannot name a column", ShowField(from, end, shown));
          break;
        }
      }
      PetscCall(AddName(table, from, (size_t)(end - from)));
    }
    if (table->message[0] || at >= last) break;
    if (*at != ',') {
      SnaMessageSet(table->message, "a comma must follow the name `%.60s`", table->names[table->ncols - 1]);
      break;
    }
    at++;
  }
  PetscFunctionReturn(0);
}

// Fills values[0..ncols), or the message.
static void ParseRow(CsvTable *table, const char line[], size_t length, double values[])
{
  const char *at = line, *const last = line + length;
  char     shown[44];
  PetscInt found = 1;

  for (PetscInt c = 0; c < table->ncols; c++) {
    const char *start = SkipBlanks(at), *end = SnaNumberParse(start, &values[c]);

    at = end ? SkipBlanks(end) : start;
    if (end && isfinite(values[c]) && (c + 1 < table->ncols ? *at == ',' : at >= last)) {
      at++;
      continue;
    }
    for (const char *p = line; p < last; p++) found += *p == ',';
    for (end = start; end < last && *end != ','; end++) continue;
    if (found != table->ncols) {
      SnaMessageSet(table->message, "%lld value%s, but the header names %lld columns", (long long)found,
        found == 1 ? "" : "s", (long long)table->ncols);
    } else if (end == start)
      SnaMessageSet(table->message, "column %lld (`%.60s`): the value is missing", (long long)c + 1, table->names[c]);
    else
      SnaMessageSet(table->message, "column %lld (`%.60s`): '%s' is not a finite number", (long long)c + 1,
        table->names[c], ShowField(start, end, shown));
    return;
  }
}

// Rank 0 opens and reads the header, then the others open.
static PetscErrorCode OpenCsv(CsvTable *table)
{
  PetscFunctionBeginUser;
  table->fd = open(table->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (table->fd < 0) SnaMessageSet(table->message, "cannot open the file: %s", strerror(errno));
  if (table->rank == 0 && table->fd >= 0) {
    struct stat status;
    LineReader  reader;
    char       *line;
    size_t      length;

    if (fstat(table->fd, &status))
      SnaMessageSet(table->message, "cannot open the file: %s", strerror(errno));
    else if (!S_ISREG(status.st_mode))
      SnaMessageSet(table->message, "%s, not a table", S_ISDIR(status.st_mode) ? "a directory" : "not a regular file");
    else {
      table->bytes = (int64_t)status.st_size;
      PetscCall(LineReaderCreate(table->fd, 0, &reader));
      do {
        PetscCall(NextLine(&reader, &line, &length, &table->error_at, table->message));
      } while (line && IsSkipped(line));
      if (line)
        PetscCall(ParseHeader(table, line, length));
      else if (!table->message[0]) {
        table->error_at = -1;
        SnaMessageSet(table->message, "empty: a line with the names of the columns is expected");
      }
      table->body = reader.offset + (int64_t)reader.at;
      PetscCall(PetscFree(reader.block));
    }
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode ShareHeader(CsvTable *table)
{
  int64_t sizes[3] = {table->bytes, table->body, (int64_t)table->ncols};

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Bcast(sizes, 3, MPI_INT64_T, 0, table->comm));
  table->bytes = sizes[0];
  table->body  = sizes[1];
  table->ncols = (PetscInt)sizes[2];
  if (table->rank) PetscCall(PetscCalloc1(table->ncols, &table->names));
  for (PetscInt c = 0; c < table->ncols; c++) {
    int length = table->rank ? 0 : (int)strlen(table->names[c]) + 1;

    PetscCallMPI(MPI_Bcast(&length, 1, MPI_INT, 0, table->comm));
    if (table->rank) PetscCall(PetscMalloc1(length, &table->names[c]));
    PetscCallMPI(MPI_Bcast(table->names[c], length, MPI_CHAR, 0, table->comm));
  }
  PetscFunctionReturn(0);
}

// Room for one more row; the size of the rows seen so far tells how many are to come.
static PetscErrorCode GrowRows(CsvTable *table, int64_t bytes_read, int64_t bytes_all)
{
  double estimate = 1024;

  PetscFunctionBeginUser;
  if (table->nrows < table->capacity) PetscFunctionReturn(0);
  if (table->nrows)
    estimate =
      PetscMax(1.25 * (double)table->nrows, 1.02 * (double)table->nrows * (double)bytes_all / (double)bytes_read) +
      1024;
  table->capacity = (PetscInt)PetscMin(estimate, (double)PETSC_MAX_INT / 2);
  PetscCheck(table->capacity > table->nrows, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE,
    "More rows on one rank than PetscInt can count");
  PetscCall(PetscRealloc((size_t)table->capacity * (size_t)table->ncols * sizeof(double), &table->rows));
  PetscFunctionReturn(0);
}

static PetscErrorCode ReadShare(CsvTable *table)
{
  const int64_t body  = table->bytes - table->body;
  const int64_t share = body / table->size, rest = body % table->size;
  const int64_t first = table->body + share * table->rank + PetscMin(rest, (int64_t)table->rank);
  const int64_t end   = first + share + (table->rank < rest ? 1 : 0);
  LineReader    reader;
  char         *line   = NULL;
  size_t        length = 0;
  int64_t       offset = 0;

  PetscFunctionBeginUser;
  if (first == end) PetscFunctionReturn(0);
  PetscCall(LineReaderCreate(table->fd, first, &reader));
  if (first > table->body) { // the line that holds the byte before the range is the neighbour's
    reader.offset--;
    PetscCall(NextLine(&reader, &line, &length, &offset, table->message));
  }
  while (!table->message[0]) {
    PetscCall(NextLine(&reader, &line, &length, &offset, table->message));
    if (!line || offset >= end) break;
    if (IsSkipped(line)) continue;
    PetscCall(GrowRows(table, offset - first, end - first));
    ParseRow(table, line, length, table->rows + (size_t)table->nrows * (size_t)table->ncols);
    table->nrows++;
  }
  table->error_at = offset;
  PetscCall(PetscFree(reader.block));
  PetscFunctionReturn(0);
}

// 1 + the number of line ends before `offset`; 0 when the file cannot be read.
static PetscErrorCode LineNumber(const char path[], int64_t offset, int64_t *line)
{
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  char     *block;

  PetscFunctionBeginUser;
  *line = fd < 0 ? 0 : 1;
  PetscCall(PetscMalloc1(BLOCK_BYTES, &block));
  for (int64_t at = 0; fd >= 0 && at < offset;) {
    const ssize_t got = pread(fd, block, (size_t)PetscMin((int64_t)BLOCK_BYTES, offset - at), (off_t)at);

    if (got <= 0) break;
    for (char *p = block; (p = (char *)memchr(p, '\n', (size_t)(block + got - p))); p++) (*line)++;
    at += got;
  }
  if (fd >= 0) (void)close(fd);
  PetscCall(PetscFree(block));
  PetscFunctionReturn(0);
}

// Makes "path:line: text" of the first error in the order of the file, on every rank.
static PetscErrorCode AgreeCsv(CsvTable *table, char message[SNA_MAX_MESSAGE])
{
  PetscFunctionBeginUser;
  if (table->message[0]) {
    int64_t line = 0;

    if (table->error_at >= 0) PetscCall(LineNumber(table->path, table->error_at, &line));
    if (line)
      SnaMessageSet(message, "%s:%lld: %s", table->path, (long long)line, table->message);
    else
      SnaMessageSet(message, "%s: %s", table->path, table->message);
  }
  PetscCall(SnaMessageAgree(table->comm, message));
  PetscFunctionReturn(0);
}

PetscInt SnaShareSize(int64_t total, PetscMPIInt rank, PetscMPIInt size)
{
  return (PetscInt)(total / size + (rank < total % size ? 1 : 0));
}

int64_t SnaShareStart(int64_t total, PetscMPIInt rank, PetscMPIInt size)
{
  return total / size * rank + PetscMin((int64_t)rank, total % size);
}

static PetscErrorCode Balance(CsvTable *table)
{
  const PetscMPIInt size = table->size;
  int64_t          *start; // first row read by each rank, and the total
  int64_t           total, mine = (int64_t)table->nrows;
  PetscMPIInt      *counts;
  PetscInt          wanted;
  double           *rows;
  MPI_Datatype      row;

  PetscFunctionBeginUser;
  PetscCall(PetscCalloc2((size_t)size + 1, &start, 4 * (size_t)size, &counts));
  PetscCallMPI(MPI_Allgather(&mine, 1, MPI_INT64_T, start + 1, 1, MPI_INT64_T, table->comm));
  for (PetscMPIInt r = 0; r < size; r++) start[r + 1] += start[r];
  total  = start[size];
  wanted = SnaShareSize(total, table->rank, size);
  for (PetscMPIInt r = 0; r < size; r++) { // overlap of what one rank read with what the other is to hold
    const int64_t target = SnaShareStart(total, table->rank, size), other = SnaShareStart(total, r, size);
    const int64_t from = PetscMax(start[table->rank], other),
                  to   = PetscMin(start[table->rank + 1], other + SnaShareSize(total, r, size));
    const int64_t in = PetscMax(start[r], target), out = PetscMin(start[r + 1], target + wanted);

    counts[r]            = (PetscMPIInt)PetscMax(0, to - from);
    counts[size + r]     = to > from ? (PetscMPIInt)(from - start[table->rank]) : 0;
    counts[2 * size + r] = (PetscMPIInt)PetscMax(0, out - in);
    counts[3 * size + r] = out > in ? (PetscMPIInt)(in - target) : 0;
  }
  PetscCall(PetscMalloc1((size_t)wanted * (size_t)table->ncols, &rows));
  PetscCallMPI(MPI_Type_contiguous((int)table->ncols, MPI_DOUBLE, &row));
  PetscCallMPI(MPI_Type_commit(&row));
  PetscCallMPI(MPI_Alltoallv(
    table->rows, counts, counts + size, row, rows, counts + 2 * size, counts + 3 * size, row, table->comm));
  PetscCallMPI(MPI_Type_free(&row));
  PetscCall(PetscFree2(start, counts));
  PetscCall(PetscFree(table->rows));
  table->rows  = rows;
  table->nrows = wanted;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaNamesFree(PetscInt n, char ***names)
{
  PetscFunctionBeginUser;
  for (PetscInt c = 0; *names && c < n; c++) PetscCall(PetscFree((*names)[c]));
  PetscCall(PetscFree(*names));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaCsvRead(MPI_Comm comm, const char path[], PetscInt *nlocal, PetscInt *ncols, char ***names,
  double **data, char message[SNA_MAX_MESSAGE])
{
  CsvTable table = {.comm = comm, .path = path, .fd = -1, .error_at = -1};

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(comm, &table.rank));
  PetscCallMPI(MPI_Comm_size(comm, &table.size));
  PetscCall(OpenCsv(&table));
  PetscCall(AgreeCsv(&table, message));
  if (!message[0]) {
    PetscCall(ShareHeader(&table));
    PetscCall(ReadShare(&table));
    PetscCall(AgreeCsv(&table, message));
  }
  if (table.fd >= 0) (void)close(table.fd);
  if (!message[0]) {
    PetscCall(Balance(&table));
    *nlocal = table.nrows;
    *ncols  = table.ncols;
    *names  = table.names;
    *data   = table.rows;
  } else {
    PetscCall(SnaNamesFree(table.ncols, &table.names));
    PetscCall(PetscFree(table.rows));
  }
  PetscFunctionReturn(0);
}
