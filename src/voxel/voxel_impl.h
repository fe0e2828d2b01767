// voxel_impl.h - what the readers and writers of voxel files share; not part of the public face.
#ifndef SNA_VOXEL_IMPL_H
#define SNA_VOXEL_IMPL_H

#include <sna/voxel.h>

// Numbers as they stand in a file.
typedef struct {
  char      kind;  // 'u' unsigned, 'i' signed, 'f' floating
  int       bytes; // 1, 2, 4 or 8; floating: 4 or 8
  PetscBool swap;  // in the other byte order than this machine's
} SnaVoxelsNumber;

// What is known of a file before its numbers are read; plain bytes, found on rank 0 and given to all.
typedef struct {
  PetscBool       stack; // has an axis of cells
  PetscInt        cells, n[3];
  SnaVoxelsNumber number;
  int64_t         offset; // raw, npy, vti: of the array in the file
  // raw, npy
  PetscBool z_fast;    // z varies fastest, x slowest
  PetscBool cell_fast; // the cell varies faster than x
  // vti
  PetscBool ascii, base64, zlib;
  int       word; // bytes of a word of the array's own header: 4 or 8
  PetscBool word_swap;
  // tiff
  PetscBool bits;     // one bit per voxel
  PetscBool inverted; // 0 is white
  // HDF5
  SnaFileImage image;
} SnaVoxelsHeader;

// One format of files to read. `info` fills the header: collective where `collective` is true, else called on rank 0 alone. `read` fills the planes of this
// rank of cell `cell`; collective; messages may differ between ranks afterwards.
typedef struct {
  const char *ending[2];
  PetscBool   collective;
  PetscErrorCode (*info)(
    MPI_Comm comm, const SnaVoxelsFile *file, SnaVoxelsHeader *header, char message[SNA_MAX_MESSAGE]);
  PetscErrorCode (*read)(const SnaVoxelsFile *file, const SnaVoxelsHeader *header, PetscInt cell, SnaVoxels voxels,
    char message[SNA_MAX_MESSAGE]);
} SnaVoxelsFormat;
extern const SnaVoxelsFormat SnaVoxelsFormatRaw, SnaVoxelsFormatNpy, SnaVoxelsFormatVti, SnaVoxelsFormatTiff,
  SnaVoxelsFormatHdf5;

// ---------------------------------------------------------------------------------------------------------------------
// read.c. Not collective.
// ---------------------------------------------------------------------------------------------------------------------
PetscBool SnaPathEndsWith(const char path[], const char ending[]); // blind to case
// "FILE.h5:/a/b" -> "FILE.h5" and "/a/b"; *dataset is NULL when none is named. FALSE for a path that names no HDF5 file.
PetscBool SnaPathSplitHdf5(const char path[], char file[PETSC_MAX_PATH_LEN], const char **dataset);
PetscBool SnaIsBigEndian(void);
// Opens a regular file that is not empty; -1 and a message otherwise.
int SnaOpenToRead(const char path[], int64_t *size, char message[SNA_MAX_MESSAGE]);
// Exactly these bytes; FALSE and a message when the file ends before.
PetscBool SnaReadAt(int fd, const char path[], int64_t offset, size_t bytes, void *data, char message[SNA_MAX_MESSAGE]);
// Phases of `count` numbers, which are `first`, first+1, ... of the image in the file's order; the first that is no phase is told in the message, with its
// voxel. numbers and phase may be the same bytes.
void SnaNumbersToPhases(const SnaVoxelsFile *file, const SnaVoxelsHeader *header, int64_t first, size_t count,
  const void *numbers, uint8_t phase[], char message[SNA_MAX_MESSAGE]);

// ---------------------------------------------------------------------------------------------------------------------
// vti_stream.c. Not collective.
// ---------------------------------------------------------------------------------------------------------------------
typedef struct { // a file, character by character
  int           fd;
  int64_t       next; // offset in the file of what comes after text[filled-1]
  size_t        at, filled;
  unsigned char text[1 << 16];
} SnaCharacters;
void SnaCharactersStart(SnaCharacters *c, int fd, int64_t offset);
int  SnaCharactersNext(SnaCharacters *c); // -1 at the end of the file
// Offset in the file of the next character.
int64_t SnaCharactersOffset(const SnaCharacters *c);

// The bytes of one array of a .vti file, decoded one after the other; of an array in ascii, doubles.
typedef struct SnaVtiStream_ *SnaVtiStream;
// total: bytes that the whole array must have. On a user error *stream is NULL.
PetscErrorCode SnaVtiStreamCreate(int fd, const char path[], const SnaVoxelsHeader *header, int64_t total,
  SnaVtiStream *stream, char message[SNA_MAX_MESSAGE]);
PetscErrorCode SnaVtiStreamDestroy(SnaVtiStream *stream);
// The next bytes; data may be NULL to pass over them. Whole doubles of an array in ascii.
PetscErrorCode SnaVtiStreamRead(SnaVtiStream stream, int64_t bytes, void *data, char message[SNA_MAX_MESSAGE]);

#endif
