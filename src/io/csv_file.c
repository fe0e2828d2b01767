// csv_file.c - tables as text: lines in blocks, the header, ranges of ranks, errors with their lines, rows in equal shares.
//
// Every rank streams its range in blocks of 4 MB and counts its lines; their sums over the ranks before give line numbers. Not done: line breaks inside
// quotes (a range must begin at a line), compressed files, pipes, other encodings than UTF-8.
#include "csv_impl.h"
#include <errno.h>
#include <fcntl.h>
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
      SnaMessageSet(message, "cannot read: %s", strerror(errno));
      break;
    }
    reader->at_end = got == 0;
    reader->filled += (size_t)got;
  }
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Fields and names
// ---------------------------------------------------------------------------------------------------------------------
static PetscBool IsBlank(const SnaCsv *csv, char c)
{
  return c == ' ' || (c == '\t' && csv->separator != '\t') ? PETSC_TRUE : PETSC_FALSE;
}

const char *SnaCsvShow(const char from[], const char end[], char shown[44])
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

const char *SnaCsvSeparatorName(const SnaCsv *csv)
{
  return csv->separator == ',' ? "comma" : csv->separator == ';' ? "semicolon" : "tab";
}

char *SnaCsvField(SnaCsv *csv, char *at, const char last[], char **from, char **to)
{
  while (IsBlank(csv, *at)) at++;
  *from = at;
  if (*at == '"') {
    char *end = at;

    for (at++; at < last && (*at != '"' || at[1] == '"'); at++) {
      if (*at == '"') at++;
      *end++ = *at;
    }
    *to = end;
    if (at >= last) {
      SnaMessageSet(csv->message, "a quote is not closed; line breaks inside quotes are not read");
      return NULL;
    }
    do at++;
    while (IsBlank(csv, *at));
    if (at < last && *at != csv->separator) {
      char shown[44];

      SnaMessageSet(csv->message, "a %s must follow %s`%s`", SnaCsvSeparatorName(csv), csv->body ? "" : "the name ",
        SnaCsvShow(*from, *to, shown));
      return NULL;
    }
    return at;
  }
  while (at < last && *at != csv->separator) at++;
  *to = at;
  while (*to > *from && IsBlank(csv, (*to)[-1])) (*to)--;
  return at;
}

static int CompareNames(const void *a, const void *b)
{
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static PetscErrorCode CheckDistinct(SnaCsv *csv)
{
  char **sorted;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1(csv->ncols, &sorted));
  for (PetscInt c = 0; c < csv->ncols; c++) sorted[c] = csv->names[c];
  qsort(sorted, (size_t)csv->ncols, sizeof(*sorted), CompareNames);
  for (PetscInt c = 1; c < csv->ncols; c++) {
    if (!strcmp(sorted[c], sorted[c - 1]))
      SnaMessageSet(csv->message, "two columns are named `%.60s`; rename one", sorted[c]);
  }
  PetscCall(PetscFree(sorted));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaCsvParseNames(SnaCsv *csv, char line[], size_t length)
{
  char *at = line, *const last = line + length;
  char shown[44];

  PetscFunctionBeginUser;
  for (;; at++) {
    const PetscBool quoted = at[strspn(at, " ")] == '"' ? PETSC_TRUE : PETSC_FALSE;
    char           *from, *to, *name;
    double          number;

    at = SnaCsvField(csv, at, last, &from, &to);
    if (!at) break;
    if (!quoted && to > from && SnaNumberParse(from, &number) == to)
      SnaMessageSet(csv->message, "the first line must name the columns, such as x,y,t; it holds the number %s",
        SnaCsvShow(from, to, shown));
    for (const char *c = from; c < to; c++) {
      if ((unsigned char)*c < ' ')
        SnaMessageSet(csv->message, "`%s` cannot name a column", SnaCsvShow(from, to, shown));
    }
    PetscCall(PetscRealloc((size_t)(csv->ncols + 1) * sizeof(*csv->names), &csv->names));
    PetscCall(PetscMalloc1((size_t)(to - from) + 1, &name));
    memcpy(name, from, (size_t)(to - from));
    name[to - from]          = 0;
    csv->names[csv->ncols++] = name;
    if (to == from) SnaMessageSet(csv->message, "column %lld has no name", (long long)csv->ncols);
    if (csv->message[0] || at == last) break;
  }
  if (!csv->message[0]) PetscCall(CheckDistinct(csv));
  PetscFunctionReturn(0);
}

// The one that occurs most often outside quotes; the first of the list where none does.
static char FindSeparator(const char separators[], const char line[], size_t length)
{
  char   best = separators[0];
  size_t most = 0;

  for (const char *s = separators; *s; s++) {
    size_t count  = 0;
    int    quoted = 0;

    for (size_t i = 0; i < length; i++) {
      if (line[i] == '"') quoted = !quoted;
      count += !quoted && line[i] == *s;
    }
    if (count > most) {
      most = count;
      best = *s;
    }
  }
  return best;
}

static PetscBool IsSkipped(const SnaCsv *csv, PetscBool remarks, const char line[])
{
  while (IsBlank(csv, *line)) line++;
  return *line == '\n' || (remarks && *line == '#') ? PETSC_TRUE : PETSC_FALSE;
}

// ---------------------------------------------------------------------------------------------------------------------
// Opening
// ---------------------------------------------------------------------------------------------------------------------
static PetscErrorCode ReadHeader(SnaCsv *csv)
{
  LineReader reader;
  char      *line;
  size_t     length;
  int64_t    offset;

  PetscFunctionBeginUser;
  PetscCall(LineReaderCreate(csv->fd, 0, &reader));
  do {
    PetscCall(NextLine(&reader, &line, &length, &offset, csv->message));
    if (line && !csv->lines++) {
      if (length >= 3 && !memcmp(line, "\xef\xbb\xbf", 3)) { // the byte order mark of some spreadsheets
        line += 3;
        length -= 3;
      } else if (length >= 2 && (!memcmp(line, "\xff\xfe", 2) || !memcmp(line, "\xfe\xff", 2)))
        SnaMessageSet(csv->message, "encoded as UTF-16; save it as UTF-8");
    }
  } while (line && !csv->message[0] && IsSkipped(csv, PETSC_TRUE, line));
  csv->error_line = csv->lines;
  if (line && !csv->message[0]) {
    csv->separator = FindSeparator(csv->separators, line, length);
    PetscCall(SnaCsvParseNames(csv, line, length));
  } else if (!csv->message[0]) {
    csv->error_line = 0;
    SnaMessageSet(csv->message, "empty: a line with the names of the columns is expected");
  }
  csv->body = reader.offset + (int64_t)reader.at;
  PetscCall(PetscFree(reader.block));
  PetscFunctionReturn(0);
}

static PetscErrorCode ShareHeader(SnaCsv *csv)
{
  int64_t sizes[5] = {csv->bytes, csv->body, csv->lines, csv->separator, (int64_t)csv->ncols};

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Bcast(sizes, 5, MPI_INT64_T, 0, csv->comm));
  csv->bytes      = sizes[0];
  csv->body       = sizes[1];
  csv->head_lines = sizes[2];
  csv->separator  = (char)sizes[3];
  csv->ncols      = (PetscInt)sizes[4];
  csv->lines = csv->error_line = 0;
  if (csv->rank) PetscCall(PetscCalloc1(csv->ncols, &csv->names));
  for (PetscInt c = 0; c < csv->ncols; c++) {
    int length = csv->rank ? 0 : (int)strlen(csv->names[c]) + 1;

    PetscCallMPI(MPI_Bcast(&length, 1, MPI_INT, 0, csv->comm));
    if (csv->rank) PetscCall(PetscMalloc1(length, &csv->names[c]));
    PetscCallMPI(MPI_Bcast(csv->names[c], length, MPI_CHAR, 0, csv->comm));
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaCsvOpen(MPI_Comm comm, const char path[], const char separators[], PetscBool remarks, SnaCsv *csv,
  char message[SNA_MAX_MESSAGE])
{
  PetscFunctionBeginUser;
  *csv = (SnaCsv){.comm = comm, .path = path, .separators = separators, .remarks = remarks};
  PetscCallMPI(MPI_Comm_rank(comm, &csv->rank));
  PetscCallMPI(MPI_Comm_size(comm, &csv->size));
  csv->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (csv->fd < 0) SnaMessageSet(csv->message, "cannot open the file: %s", strerror(errno));
  if (csv->rank == 0 && csv->fd >= 0) {
    struct stat status;

    if (fstat(csv->fd, &status))
      SnaMessageSet(csv->message, "cannot open the file: %s", strerror(errno));
    else if (!S_ISREG(status.st_mode))
      SnaMessageSet(csv->message, "%s, not a table", S_ISDIR(status.st_mode) ? "a directory" : "not a regular file");
    else {
      csv->bytes = (int64_t)status.st_size;
      PetscCall(ReadHeader(csv));
    }
  }
  PetscCall(SnaCsvAgree(csv, message));
  if (!message[0]) PetscCall(ShareHeader(csv));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaCsvClose(SnaCsv *csv)
{
  PetscFunctionBeginUser;
  if (csv->fd >= 0) (void)close(csv->fd);
  csv->fd = -1;
  PetscCall(SnaNamesFree(csv->ncols, &csv->names));
  PetscCall(PetscFree(csv->rows));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Rows
// ---------------------------------------------------------------------------------------------------------------------
// Room for one more row; the size of the rows seen so far tells how many are to come.
static PetscErrorCode GrowRows(SnaCsv *csv, int64_t bytes_read, int64_t bytes_all)
{
  double estimate = 1024;

  PetscFunctionBeginUser;
  if (csv->nrows < csv->capacity) PetscFunctionReturn(0);
  if (csv->nrows)
    estimate =
      PetscMax(1.25 * (double)csv->nrows, 1.02 * (double)csv->nrows * (double)bytes_all / (double)bytes_read) + 1024;
  csv->capacity = (PetscInt)PetscMin(estimate, (double)PETSC_MAX_INT / 2);
  PetscCheck(csv->capacity > csv->nrows, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE,
    "More rows on one rank than PetscInt can count");
  PetscCall(PetscRealloc((size_t)csv->capacity * (size_t)csv->width * sizeof(double), &csv->rows));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaCsvReadRange(SnaCsv *csv, SnaLineTaker take, void *ctx)
{
  const int64_t body  = csv->bytes - csv->body;
  const int64_t share = body / csv->size, rest = body % csv->size;
  const int64_t first = csv->body + share * csv->rank + PetscMin(rest, (int64_t)csv->rank);
  const int64_t end   = first + share + (csv->rank < rest ? 1 : 0);
  LineReader    reader;
  char         *line   = NULL;
  size_t        length = 0;
  int64_t       offset = 0;

  PetscFunctionBeginUser;
  csv->nrows = 0;
  csv->lines = 0;
  if (first == end) PetscFunctionReturn(0);
  PetscCall(LineReaderCreate(csv->fd, first, &reader));
  if (first > csv->body) { // the line that holds the byte before the range is the neighbour's
    reader.offset--;
    PetscCall(NextLine(&reader, &line, &length, &offset, csv->message));
  }
  while (!csv->message[0]) {
    PetscCall(NextLine(&reader, &line, &length, &offset, csv->message));
    if ((line && offset >= end) || (!line && !csv->message[0])) break;
    csv->lines++;
    if (!line || IsSkipped(csv, csv->remarks, line)) continue;
    PetscCall(GrowRows(csv, offset - first, end - first));
    PetscCall(take(ctx, csv, line, length, csv->rows + (size_t)csv->nrows * (size_t)csv->width));
    csv->nrows++;
  }
  if (csv->message[0]) csv->error_line = csv->lines;
  PetscCall(PetscFree(reader.block));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaCsvLinesBefore(SnaCsv *csv, int64_t *lines)
{
  int64_t before = 0;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Exscan(&csv->lines, &before, 1, MPI_INT64_T, MPI_SUM, csv->comm));
  *lines = csv->head_lines + (csv->rank ? before : 0); // Exscan leaves it undefined on the first rank
  PetscFunctionReturn(0);
}

// Where a rank met an error, those before it that met none have counted all their lines.
PetscErrorCode SnaCsvAgree(SnaCsv *csv, char message[SNA_MAX_MESSAGE])
{
  int64_t before;

  PetscFunctionBeginUser;
  PetscCall(SnaCsvLinesBefore(csv, &before));
  if (csv->message[0] && csv->error_line)
    SnaMessageSet(message, "%s:%lld: %s", csv->path, (long long)(before + csv->error_line), csv->message);
  else if (csv->message[0])
    SnaMessageSet(message, "%s: %s", csv->path, csv->message);
  PetscCall(SnaMessageAgree(csv->comm, message));
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

PetscErrorCode SnaCsvBalance(SnaCsv *csv)
{
  const PetscMPIInt size = csv->size;
  int64_t          *start; // first row read by each rank, and the total
  int64_t           total, mine = (int64_t)csv->nrows;
  PetscMPIInt      *counts;
  PetscInt          wanted;
  double           *rows;
  MPI_Datatype      row;

  PetscFunctionBeginUser;
  if (size == 1) { // gives back the room that was not needed
    if (csv->nrows) PetscCall(PetscRealloc((size_t)csv->nrows * (size_t)csv->width * sizeof(double), &csv->rows));
    PetscFunctionReturn(0);
  }
  PetscCall(PetscCalloc2((size_t)size + 1, &start, 4 * (size_t)size, &counts));
  PetscCallMPI(MPI_Allgather(&mine, 1, MPI_INT64_T, start + 1, 1, MPI_INT64_T, csv->comm));
  for (PetscMPIInt r = 0; r < size; r++) start[r + 1] += start[r];
  total  = start[size];
  wanted = SnaShareSize(total, csv->rank, size);
  for (PetscMPIInt r = 0; r < size; r++) { // overlap of what one rank read with what the other is to hold
    const int64_t target = SnaShareStart(total, csv->rank, size), other = SnaShareStart(total, r, size);
    const int64_t from = PetscMax(start[csv->rank], other),
                  to   = PetscMin(start[csv->rank + 1], other + SnaShareSize(total, r, size));
    const int64_t in = PetscMax(start[r], target), out = PetscMin(start[r + 1], target + wanted);

    counts[r]            = (PetscMPIInt)PetscMax(0, to - from);
    counts[size + r]     = to > from ? (PetscMPIInt)(from - start[csv->rank]) : 0;
    counts[2 * size + r] = (PetscMPIInt)PetscMax(0, out - in);
    counts[3 * size + r] = out > in ? (PetscMPIInt)(in - target) : 0;
  }
  PetscCall(PetscMalloc1((size_t)wanted * (size_t)csv->width, &rows));
  PetscCallMPI(MPI_Type_contiguous((int)csv->width, MPI_DOUBLE, &row));
  PetscCallMPI(MPI_Type_commit(&row));
  PetscCallMPI(
    MPI_Alltoallv(csv->rows, counts, counts + size, row, rows, counts + 2 * size, counts + 3 * size, row, csv->comm));
  PetscCallMPI(MPI_Type_free(&row));
  PetscCall(PetscFree2(start, counts));
  PetscCall(PetscFree(csv->rows));
  csv->rows  = rows;
  csv->nrows = wanted;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaNamesFree(PetscInt n, char ***names)
{
  PetscFunctionBeginUser;
  for (PetscInt c = 0; *names && c < n; c++) PetscCall(PetscFree((*names)[c]));
  PetscCall(PetscFree(*names));
  PetscFunctionReturn(0);
}
