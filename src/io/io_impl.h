// io_impl.h - what the files of src/io share; not part of the public face.
#ifndef SNA_IO_IMPL_H
#define SNA_IO_IMPL_H

#include <sna/io.h>
#include <hdf5.h>

// ---------------------------------------------------------------------------------------------------------------------
// Paths (path.c). Not collective: called by rank 0, which shares the message afterwards.
// ---------------------------------------------------------------------------------------------------------------------
// mkdir -p. *made is the number of levels that did not exist; on failure nothing is left behind. An empty `dir` is the
// current one.
void SnaPathMakeDirectories(const char dir[], int *made, char message[SNA_MAX_MESSAGE]);
// Removes the last `levels` components of `dir`, stopping at the first that is not empty.
void SnaPathRemoveDirectories(const char dir[], int levels);
void SnaPathMakeParent(const char path[], char message[SNA_MAX_MESSAGE]);
// Opens `path.part` for reading and writing, empty; -1 and a message on failure. The parent directory is made.
int SnaPartOpen(const char path[], char message[SNA_MAX_MESSAGE]);
// Closes fd. Without a message so far: syncs and renames path.part to path. With one, or when that fails: removes
// path.part.
void SnaPartPublish(int fd, const char path[], char message[SNA_MAX_MESSAGE]);
int  SnaWriteAll(int fd, const char data[], size_t bytes); // 0, or the errno of the failure

// Independent write of any number of bytes. Refusals of the system become "path: cannot write: reason".
PetscErrorCode SnaPartWriteAt(
  MPI_File file, const char path[], MPI_Offset at, size_t bytes, const void *data, char message[SNA_MAX_MESSAGE]);
// Collective: opens path.part, which rank 0 has made, for SnaPartWriteAt(); and syncs and closes it. Messages are
// agreed on return.
PetscErrorCode SnaPartOpenAll(MPI_Comm comm, const char path[], MPI_File *file, char message[SNA_MAX_MESSAGE]);
PetscErrorCode SnaPartCloseAll(MPI_Comm comm, const char path[], MPI_File *file, char message[SNA_MAX_MESSAGE]);

// ---------------------------------------------------------------------------------------------------------------------
// Numbers as text (number.c)
// ---------------------------------------------------------------------------------------------------------------------
// Reads a decimal number, correctly rounded. The text must end in a character that cannot continue a number (comma,
// blank, line end, NUL). Returns the first character after it, or NULL when the text is not a number. Overflow gives
// infinity.
const char *SnaNumberParse(const char text[], double *value);
// Same text as printf("%.17g"); returns its length (at most 24). Not terminated.
int SnaNumberFormat(double value, char text[32]);
// The same number in as few digits as give it back: 0.1 instead of 0.10000000000000001.
int SnaNumberFormatShort(double value, char text[32]);
#define SNA_NUMBER_BYTES 25 // "-1.2345678901234567e-308" and a comma

// ---------------------------------------------------------------------------------------------------------------------
// The sink (sink.c): the HDF5 file driver through which files are written.
// ---------------------------------------------------------------------------------------------------------------------
typedef struct {
  int fd;    // -1: closed, writes vanish
  int error; // errno of the first failed write, 0 when none; later writes vanish
  // While placing, array data are not written: their place in the file is noted, and the ranks write them there.
  PetscBool placing;
  haddr_t   place; // of the last such write
  size_t    bytes; // of all since placing began
} SnaSink;
// A new HDF5 file on sink->fd (an empty file, opened for reading and writing); negative on failure. `sink` must outlive
// the handle.
hid_t SnaSinkCreateFile(SnaSink *sink, const char path[], hid_t fcpl, hid_t fapl);

// ---------------------------------------------------------------------------------------------------------------------
// SnaFile
// ---------------------------------------------------------------------------------------------------------------------
struct SnaFile_ {
  MPI_Comm    comm;
  PetscMPIInt rank;
  char       *path;
  PetscBool   writing;
  hid_t       h5;   // rank 0; on the others only when reading and after SnaFileReadRows(); negative when not open
  SnaSink    *sink; // rank 0 of a file being written
  // The sticky error. While writing it may be known to rank 0 alone until the next exchange.
  char message[SNA_MAX_MESSAGE];
};

// Sets the sticky error of this rank: "path: object: text (HDF5's or the system's reason)". Call right after the
// failing HDF5 call.
void SnaFileFail(SnaFile file, const char object[], const char format[], ...) PETSC_ATTRIBUTE_FORMAT(3, 4);
// Turns a refusal of the system seen by the sink into the sticky error. Returns PETSC_TRUE when `file` can go on.
PetscBool SnaFileAlive(SnaFile file);
hid_t     SnaHdf5Open(const char path[], char message[SNA_MAX_MESSAGE]); // read only; negative and a message on failure
// Rank 0, before making an object: the groups of its name are there, and the name is free. FALSE and the sticky error otherwise.
PetscBool SnaFileMakeParents(SnaFile file, const char name[]);
// Opens a dataset of at most 4 dimensions whose type is a number (INTEGER: a whole one) or a text. Negative and the
// sticky error otherwise. Not collective.
typedef enum { SNA_DATA_REAL, SNA_DATA_INTEGER, SNA_DATA_TEXT } SnaDataKind;
hid_t SnaFileOpenDataset(SnaFile file, const char name[], SnaDataKind kind, int *ndim, hsize_t dims[4]);

// Collective, at the end of a read: every rank knows of rank 0's error, and *go says whether to use what was read.
PetscErrorCode SnaFileShareOutcome(SnaFile file, PetscBool *go);
PetscErrorCode SnaBroadcastBytes(MPI_Comm comm, size_t bytes, void *data); // from rank 0, any size

// HDF5 gives out one integer type of handle for everything; a negative one was never opened.
typedef herr_t (*SnaHdf5Closer)(hid_t);
void SnaHdf5Close(SnaHdf5Closer closer, hid_t id);
// Whether every part of the path leads to an object. HDF5 calls a missing group on the way an error, we do not.
PetscBool SnaHdf5Exists(hid_t h5, const char name[]);
hid_t     SnaHdf5TextType(size_t bytes); // fixed length, UTF-8
// The one text of a dataset or attribute, of fixed or variable length, in new memory; NULL on failure.
PetscErrorCode SnaHdf5ReadText(hid_t id, PetscBool attribute, hid_t type, char **text);

// The CSV half of SnaTableRead() (csv.c): the rows of this rank, balanced to within one, and the names. message is
// agreed.
PetscErrorCode SnaCsvRead(MPI_Comm comm, const char path[], PetscInt *nlocal, PetscInt *ncols, char ***names,
  double **data, char message[SNA_MAX_MESSAGE]);
// By content first, then by name: a missing or broken .h5 file must be reported as such. Collective.
PetscErrorCode SnaIsHdf5(MPI_Comm comm, const char path[], PetscBool *yes);
PetscBool      SnaEndsWith(const char text[], const char end[]);
PetscErrorCode SnaNamesFree(PetscInt n, char ***names);
// Equal shares of a number of things: how many a rank holds, and its first one. The first ranks hold one more.
PetscInt SnaShareSize(int64_t total, PetscMPIInt rank, PetscMPIInt size);
int64_t  SnaShareStart(int64_t total, PetscMPIInt rank, PetscMPIInt size);

#endif
