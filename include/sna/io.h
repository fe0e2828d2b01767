// sna/io.h - files: HDF5 results and checkpoints, XDMF for ParaView, tables of points, provenance.
//
// Layer: above base. HDF5 is used inside src/io and nowhere else.
#ifndef SNA_IO_H
#define SNA_IO_H

#include <sna/base.h>

// ---------------------------------------------------------------------------------------------------------------------
// Messages: a user error is a text; an empty text means that all went well.
// ---------------------------------------------------------------------------------------------------------------------
// Writes the formatted text unless `message` already holds one: the first error is the one to report. Not collective.
void SnaMessageSet(char message[SNA_MAX_MESSAGE], const char format[], ...) PETSC_ATTRIBUTE_FORMAT(2, 3);
// Collective. Every rank gets rank 0's text, or the text of the lowest rank that has one.
PetscErrorCode SnaMessageBroadcast(MPI_Comm comm, char message[SNA_MAX_MESSAGE]);
PetscErrorCode SnaMessageAgree(MPI_Comm comm, char message[SNA_MAX_MESSAGE]);

// ---------------------------------------------------------------------------------------------------------------------
// SnaFile: one HDF5 file, opened by all ranks of a communicator. HDF5 itself runs on rank 0; rows and grids distributed
// over the ranks are written by MPI-IO, each rank its own part, and read by each rank.
//
// Writing goes to `path.part`, which SnaFileClose() syncs and renames to `path`: a reader never sees half a file, and a
// killed run leaves the previous file intact. All functions are collective and must be called in the same order with
// the same names on every rank. Errors are sticky: the first failure (disk full, wrong type, missing object) is kept,
// later calls do nothing, and SnaFileClose() or SnaFileGetError() returns the message on every rank. On failure of a
// write the .part file is removed.
//
// SnaFileCreate() and SnaFileOpen() always give a handle; a file that cannot be opened is one with an error. A failed
// read leaves its output as it was, unless said otherwise.
//
//   /a/b/c names: missing groups are created; a name is written once. Arrays are row-major (C order), native double or
//   64-bit int on disk, with checksums: a damaged array is an error. Reading takes any integer or floating type and
//   both kinds of HDF5 string.
// ---------------------------------------------------------------------------------------------------------------------
typedef struct SnaFile_ *SnaFile;

PetscErrorCode SnaFileCreate(MPI_Comm comm, const char path[], SnaFile *file); // missing directories of path are made
PetscErrorCode SnaFileOpen(MPI_Comm comm, const char path[], SnaFile *file);   // read only
// message[0] == 0 when all went well. The handle is gone in any case.
PetscErrorCode SnaFileClose(SnaFile *file, char message[SNA_MAX_MESSAGE]);
// Closes and removes the .part file; nothing is published.
PetscErrorCode SnaFileAbandon(SnaFile *file);
PetscErrorCode SnaFileGetError(SnaFile file, const char **message); // NULL when none
// For readers of a group that find something wrong in it: the sticky error becomes "path: text" unless there is one.
// Every rank calls it with the same text.
PetscErrorCode SnaFileSetError(SnaFile file, const char format[], ...) PETSC_ATTRIBUTE_FORMAT(2, 3);

// Arrays held by rank 0 (data on other ranks is ignored); ndim = 0 (a scalar, dims may be NULL) to 4. Reading gives
// every rank the whole array.
PetscErrorCode SnaFileWriteArray(SnaFile file, const char name[], int ndim, const PetscInt dims[], const double data[]);
PetscErrorCode SnaFileWriteInts(SnaFile file, const char name[], PetscInt n, const PetscInt data[]);
PetscErrorCode SnaFileWriteText(
  SnaFile file, const char name[], const char text[]); // a scalar string dataset (no 64 kB limit)
PetscErrorCode SnaFileReadArraySize(SnaFile file, const char name[], int *ndim, PetscInt dims[4]);
PetscErrorCode SnaFileReadArray(
  SnaFile file, const char name[], PetscInt expected, double data[]); // expected: total number of entries
PetscErrorCode SnaFileReadInts(SnaFile file, const char name[], PetscInt expected, PetscInt data[]);
PetscErrorCode SnaFileReadText(SnaFile file, const char name[], char **text); // PetscFree it; NULL on error
PetscErrorCode SnaFileHas(SnaFile file, const char name[], PetscBool *has);
// Names of the members of a group, in creation order (by name where the file does not tell); PetscFree each and the
// array.
PetscErrorCode SnaFileList(SnaFile file, const char group[], PetscInt *n, char ***names);
// Attributes of an existing object ("/" for the file); writing again replaces.
PetscErrorCode SnaFileHasAttribute(SnaFile file, const char object[], const char name[], PetscBool *has);
PetscErrorCode SnaFileWriteAttributeReal(SnaFile file, const char object[], const char name[], double value);
PetscErrorCode SnaFileWriteAttributeText(SnaFile file, const char object[], const char name[], const char text[]);
PetscErrorCode SnaFileReadAttributeReal(SnaFile file, const char object[], const char name[], double *value);
PetscErrorCode SnaFileReadAttributeText(SnaFile file, const char object[], const char name[], size_t size, char text[]);

// A table whose rows are distributed over the ranks (rank order = row order): nlocal x ncols doubles on each rank, one
// parallel write.
PetscErrorCode SnaFileWriteRows(SnaFile file, const char name[], PetscInt nlocal, PetscInt ncols, const double data[]);
// Reads it back: the sum of nlocal over the ranks must be the number of rows; a dataset of one dimension is one column.
PetscErrorCode SnaFileReadRows(SnaFile file, const char name[], PetscInt nlocal, PetscInt ncols, double data[]);

// ---------------------------------------------------------------------------------------------------------------------
// Grids: values on n[0] x n[1] x n[2] voxels, x fastest, whose z planes are distributed over the ranks: this rank holds planes z0 .. z0+nz-1 (nz may be 0),
// all ranks together each plane once. ncomp (1, or 3, 6, ...) floats per voxel, or one byte. In the file every plane is a chunk with a checksum, single
// precision or 8 bits, components last; bytes are compressed. Every rank filters and writes its own planes.
//
//   memory  data[((k*ncomp + c)*n[1] + j)*n[0] + i], k = 0..nz-1       file  [n[2]][n[1]][n[0]], or [n[2]][n[1]][n[0]][ncomp] when ncomp > 1
// ---------------------------------------------------------------------------------------------------------------------
typedef enum { SNA_GRID_BYTE, SNA_GRID_FLOAT } SnaGridType; // uint8_t, float
PetscErrorCode SnaFileWriteGrid(SnaFile file, const char name[], const PetscInt n[3], PetscInt z0, PetscInt nz,
  PetscInt ncomp, SnaGridType type, const void *data);
// The components of such a grid as data sets of their own, <name>_<suffix>, of shape [n[2]][n[1]][n[0]]: views into it that hold no data.
PetscErrorCode SnaFileWriteComponents(
  SnaFile file, const char name[], const PetscInt n[3], PetscInt ncomp, const char *const suffix[]);
// This rank's planes of a grid of exactly this shape; any numbers in the file. Planes may be read by several ranks, or by none.
PetscErrorCode SnaFileReadGrid(SnaFile file, const char name[], const PetscInt n[3], PetscInt z0, PetscInt nz,
  PetscInt ncomp, SnaGridType type, void *data);

// ---------------------------------------------------------------------------------------------------------------------
// Images: data sets of shape [z][y][x], or [cell][z][y][x] for a stack of cells, of any integer, enumerated (h5py's bool)
// or floating type.
// ---------------------------------------------------------------------------------------------------------------------
typedef struct {
  char      name[PETSC_MAX_PATH_LEN];
  PetscBool stack; // has the axis of cells
  PetscInt  cells, n[3];
  PetscBool bytes; // unsigned, 8 bits
} SnaFileImage;
// name: NULL for the only data set of 3 or 4 dimensions; an error names them when there are several. Collective.
PetscErrorCode SnaFileFindImage(SnaFile file, const char name[], SnaFileImage *image);
// Planes first .. first+count-1 of a cell, each rank its own, one call of `take` after the other: plane[y*n[0] + x], unsigned char where image->bytes
// is true, double otherwise. Chunks are read once. Collective.
typedef PetscErrorCode (*SnaPlaneTaker)(void *ctx, PetscInt z, const void *plane);
PetscErrorCode SnaFileReadPlanes(SnaFile file, const SnaFileImage *image, PetscInt cell, PetscInt first, PetscInt count,
  SnaPlaneTaker take, void *ctx);
// One byte per voxel, [n[2]][n[1]][n[0]], compressed; each rank gives its nlocal planes, in rank order. Collective.
PetscErrorCode SnaFileWriteImage(
  SnaFile file, const char name[], const PetscInt n[3], PetscInt nlocal, const unsigned char data[]);

// A stack of `count` images, [cell][n[2]][n[1]][n[0]], one byte per voxel, compressed image by image; rank 0 gives them one after the other.
typedef PetscErrorCode (*SnaImageGiver)(void *ctx, PetscInt i, unsigned char image[]);
PetscErrorCode SnaFileWriteStack(
  SnaFile file, const char name[], PetscInt count, const PetscInt n[3], SnaImageGiver give, void *ctx);

// A plain file, not HDF5: rank 0's head, the bytes of all ranks in rank order, rank 0's tail; atomic. Collective.
PetscErrorCode SnaBytesWrite(MPI_Comm comm, const char path[], size_t nhead, const void *head, size_t nlocal,
  const void *data, size_t ntail, const void *tail, char message[SNA_MAX_MESSAGE]);

// ---------------------------------------------------------------------------------------------------------------------
// Points: a table read in parallel, each rank a contiguous share of the rows. CSV: one header line of names, then
// numbers, commas; blank lines and lines starting with '#' are skipped; an error names file and line. HDF5 ("FILE.h5"
// or "FILE.h5:/dataset", default dataset /points): N x ncols array; column names from its text attribute `columns`
// ("x,y,z"), if absent names[] is empty (*named = PETSC_FALSE) and the columns are taken in the caller's order. On a
// user error *data is NULL and message says what. PetscFree(data); names: PetscFree each and the array.
// ---------------------------------------------------------------------------------------------------------------------
PetscErrorCode SnaTableRead(MPI_Comm comm, const char path[], PetscInt *nlocal, PetscInt *ncols, PetscBool *named,
  char ***names, double **data, char message[SNA_MAX_MESSAGE]);
// Writes such a table: CSV when path ends in .csv (rank order kept, full precision %.17g), otherwise HDF5 dataset
// `/samples` with attribute `columns`. Atomic.
PetscErrorCode SnaTableWrite(MPI_Comm comm, const char path[], PetscInt nlocal, PetscInt ncols,
  const char *const names[], const double data[], char message[SNA_MAX_MESSAGE]);

// ---------------------------------------------------------------------------------------------------------------------
// Tables of data: columns by name, with text and missing values, of any size. CSV: separators `,` `;` or tab (found from the header), quotes as in
// RFC 4180 without line breaks inside, a header line of names (lines that start with '#' may stand before it); "", NA, NaN, null, N/A and ? are missing.
// A column that holds at least as many other texts as numbers is a column of words: its numbers are places in the sorted list of distinct words of all
// ranks. HDF5 ("FILE.h5" or "FILE.h5:/dataset", default /table, else the only one of two dimensions): numbers with the attribute `columns` (one text as in
// CSV, or a list of texts), without it c0, c1, ...; NaN is missing.
// ---------------------------------------------------------------------------------------------------------------------
typedef struct { // plain; this rank's rows, in file order: rank order = row order
  PetscInt   nrows, ncols;
  PetscInt64 first, total; // rows before this rank's; rows of all ranks
  char     **name;         // ncols; surrounding blanks and quotes removed
  double    *value;        // value[row*ncols + col]; NaN where missing
  PetscInt  *nwords;       // ncols; 0: a column of numbers
  char    ***word;         // word[col][k], in one block that begins at word[col][0]
  PetscInt64 missing;      // entries of all ranks
  char       where
    [SNA_MAX_MESSAGE]; // the first of them: "line 17: `age` is missing; line 20: ..." (at most five, then how many more)
} SnaTable;
// wanted: names to read (NULL: all), in this order; others are skipped without being looked at. A name that the file lacks (exactly, else without regard to
// case) is an error that names the nearest. Names that occur twice, infinite numbers, text in a column of mostly numbers, decimal commas, rows of another
// length and a file without rows are errors with the line. On a user error *table is empty. Each rank reads its share; a file larger than memory needs only
// the memory of the wanted columns. Collective.
PetscErrorCode SnaTableReadColumns(MPI_Comm comm, const char path[], PetscInt nwanted, const char *const wanted[],
  SnaTable *table, char message[SNA_MAX_MESSAGE]);
// Names of the columns in the file, without reading rows; PetscFree each and the array. Collective.
PetscErrorCode SnaTableReadNames(
  MPI_Comm comm, const char path[], PetscInt *ncols, char ***names, char message[SNA_MAX_MESSAGE]);
// Columns of `table` (words as words in CSV, as numbers in HDF5) followed by nextra more, extra[row*nextra + col]. CSV when path ends in .csv, else HDF5
// /table. Numbers in as few digits as give them back, what is missing as nan, quotes where needed. Atomic, collective.
PetscErrorCode SnaTableWriteColumns(MPI_Comm comm, const char path[], const SnaTable *table, PetscInt nextra,
  const char *const extra_name[], const double extra[], char message[SNA_MAX_MESSAGE]);
PetscErrorCode SnaTableDestroy(SnaTable *table);
// The column called `name`: exactly, else without regard to case where that is one; -1 and a message that names the nearest otherwise. `path` is for the
// message. Not collective.
PetscErrorCode SnaColumnFind(const char path[], PetscInt ncols, const char *const names[], const char name[],
  PetscInt *column, char message[SNA_MAX_MESSAGE]);

// ---------------------------------------------------------------------------------------------------------------------
// XDMF: a light text file that tells ParaView how to read slices in the HDF5 file beside it (temporal collection of
// uniform grids). The first axis varies fastest in memory: data of n[0] x n[1] x n[2] points is an HDF5
// array of dims {n[2], n[1], n[0]} (slowest first). Axes fall on ParaView's x, y, z in their order; an axis of one
// point has spacing 1. Written on rank 0 by all-at-once text; atomic (.part + rename).
// ---------------------------------------------------------------------------------------------------------------------
typedef struct {
  double             time; // shown by ParaView's time slider
  int                nfield;
  const char *const *field;   // names
  const char *const *dataset; // paths inside the HDF5 file, one per field
} SnaXdmfStep;
PetscErrorCode SnaXdmfWrite(MPI_Comm comm, const char path[], const char h5_path[], int naxis, const char *const axis[],
  const PetscInt n[], const double lo[], const double hi[], PetscInt nstep, const SnaXdmfStep steps[],
  char message[SNA_MAX_MESSAGE]);

// A grid of SnaFileWriteGrid(): n voxels between the outer faces lo and hi, values belong to the cells. Collective.
typedef struct {
  const char *name, *dataset;
  PetscInt    ncomp; // 1 or 3
} SnaXdmfField;
PetscErrorCode SnaXdmfWriteGrid(MPI_Comm comm, const char path[], const char h5_path[], const PetscInt n[3],
  const double lo[3], const double hi[3], int nfield, const SnaXdmfField field[], char message[SNA_MAX_MESSAGE]);

// ---------------------------------------------------------------------------------------------------------------------
// Cases and provenance
// ---------------------------------------------------------------------------------------------------------------------
// Claims <dir>/<case> for this run: makes the directory, takes <case>.lock (flock held until released or the process
// dies, so that a killed run never blocks), and refuses when another run holds it, or when <case>.h5 exists and `force`
// is false. *ok and message are the same on all ranks. Nothing is left behind on refusal, and *c is NULL then. *ok with
// a message: a warning, the file system has no locks. Half-written *.part files of a killed run are removed.
typedef struct SnaCase_ *SnaCase;

PetscErrorCode SnaCaseClaim(MPI_Comm comm, const char dir[], const char name[], PetscBool force, SnaCase *c,
  PetscBool *ok, char message[SNA_MAX_MESSAGE]);
PetscErrorCode SnaCaseGetPath(SnaCase c, const char suffix[], size_t size, char path[]); // <dir>/<case>/<case><suffix>
PetscErrorCode SnaCaseGetDir(SnaCase c, const char **dir);                               // <dir>/<case>
// Removes the lock, and the directory if it is empty.
PetscErrorCode SnaCaseRelease(SnaCase *c);

// /run: deck verbatim, effective options, command line (argv, quoted for a shell), program version and git hash, versions of PETSc, HDF5, MPI,
// number of ranks, host, start time (UTC), and every result of `r` under /result.
PetscErrorCode SnaFileWriteRun(SnaFile file, SnaDeck deck, SnaResults r, int argc, char **argv);

#endif
