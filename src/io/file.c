// file.c - the life of a SnaFile: create, open, close, and its one sticky error.
//
// Writing: HDF5 runs on rank 0 through the sink driver (sink.c says why not through HDF5's own MPI-IO driver); the
// other ranks take part in SnaFileWriteRows() alone. Reading: rank 0 reads and shares; SnaFileReadRows() reads on every
// rank. So only serial HDF5 calls occur and any build of HDF5 serves. Files use the 1.10 format, whose metadata carry
// checksums; arrays carry them too (Fletcher32): a flipped bit is an error, not a wrong number. HDF5 does not lock our
// files: they appear whole, and locks fail on some network file systems.
#include "io_impl.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// HDF5's innermost words come first in this direction.
static herr_t KeepFirstDescription(unsigned level, const H5E_error2_t *error, void *context)
{
  if (level == 0 && error->desc) (void)snprintf((char *)context, 256, "%s", error->desc);
  return 0;
}

PetscBool SnaFileAlive(SnaFile file)
{
  if (file->sink && file->sink->error)
    SnaMessageSet(file->message, "%s: cannot write: %s", file->path, strerror(file->sink->error));
  return file->message[0] || file->h5 < 0 ? PETSC_FALSE : PETSC_TRUE;
}

void SnaFileFail(SnaFile file, const char object[], const char format[], ...)
{
  char    reason[256] = "", text[SNA_MAX_MESSAGE / 2];
  va_list arguments;

  (void)H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, KeepFirstDescription, reason);
  if (file->sink && file->sink->error) {
    (void)SnaFileAlive(file);
    return;
  }
  va_start(arguments, format);
  (void)vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  if (reason[0])
    SnaMessageSet(file->message, "%s: %s: %s (HDF5: %s)", file->path, object, text, reason);
  else
    SnaMessageSet(file->message, "%s: %s: %s", file->path, object, text);
}

PetscErrorCode SnaFileSetError(SnaFile file, const char format[], ...)
{
  char    text[SNA_MAX_MESSAGE / 2];
  va_list arguments;

  PetscFunctionBeginUser;
  va_start(arguments, format);
  (void)vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  SnaMessageSet(file->message, "%s: %s", file->path, text);
  PetscFunctionReturn(0);
}

static PetscErrorCode NewFile(MPI_Comm comm, const char path[], SnaFile *file)
{
  PetscFunctionBeginUser;
  PetscCall(PetscNew(file));
  (*file)->comm = comm;
  (*file)->h5   = -1;
  PetscCallMPI(MPI_Comm_rank(comm, &(*file)->rank));
  PetscCall(PetscStrallocpy(path, &(*file)->path));
  (void)H5Eset_auto2(H5E_DEFAULT, NULL, NULL); // our messages speak, not HDF5's trace
  PetscFunctionReturn(0);
}

// Metadata stay in memory until the file is closed, so that after a refused write HDF5 has nothing to read back.
static herr_t KeepMetadata(hid_t fapl)
{
  H5AC_cache_config_t cache = {.version = H5AC__CURR_CACHE_CONFIG_VERSION};

  if (H5Pget_mdc_config(fapl, &cache) < 0) return -1;
  cache.evictions_enabled = 0;
  cache.incr_mode         = H5C_incr__off;
  cache.flash_incr_mode   = H5C_flash_incr__off;
  cache.decr_mode         = H5C_decr__off;
  return H5Pset_mdc_config(fapl, &cache);
}

PetscErrorCode SnaFileCreate(MPI_Comm comm, const char path[], SnaFile *file)
{
  SnaFile f;

  PetscFunctionBeginUser;
  PetscCall(NewFile(comm, path, file));
  f          = *file;
  f->writing = PETSC_TRUE;
  if (f->rank == 0) {
    const hid_t fcpl = H5Pcreate(H5P_FILE_CREATE), fapl = H5Pcreate(H5P_FILE_ACCESS);

    f->sink = (SnaSink *)calloc(1, sizeof(*f->sink)); // not PetscMalloc: HDF5 may hold it longer than the SnaFile lives
    PetscCheck(f->sink && fcpl >= 0 && fapl >= 0, PETSC_COMM_SELF, PETSC_ERR_LIB, "No memory for an HDF5 file");
    f->sink->fd = SnaPartOpen(path, f->message);
    if (!f->message[0]) {
      if (H5Pset_link_creation_order(fcpl, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED) >= 0 &&
          H5Pset_libver_bounds(fapl, H5F_LIBVER_V110, H5F_LIBVER_V110) >= 0 &&
          H5Pset_fclose_degree(fapl, H5F_CLOSE_STRONG) >= 0 && H5Pset_sieve_buf_size(fapl, 0) >= 0 &&
          KeepMetadata(fapl) >= 0) {
        f->h5 = SnaSinkCreateFile(f->sink, path, fcpl, fapl);
      }
      if (f->h5 < 0) SnaFileFail(f, "/", "cannot create the file");
    }
    (void)H5Pclose(fcpl);
    (void)H5Pclose(fapl);
  }
  PetscCall(SnaMessageBroadcast(comm, f->message));
  PetscFunctionReturn(0);
}

hid_t SnaHdf5Open(const char path[], char message[SNA_MAX_MESSAGE])
{
  static const unsigned char signature[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
  unsigned char              head[8];
  struct stat                status;
  const int                  fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  hid_t                      fapl, h5;
  char                       reason[256] = "";
  ssize_t                    got;

  if (fd < 0 || fstat(fd, &status)) {
    SnaMessageSet(message, "%s: cannot open the file: %s", path, strerror(errno));
    if (fd >= 0) (void)close(fd);
    return -1;
  }
  if (!S_ISREG(status.st_mode)) {
    SnaMessageSet(
      message, "%s: %s, not an HDF5 file", path, S_ISDIR(status.st_mode) ? "a directory" : "not a regular file");
    (void)close(fd);
    return -1;
  }
  got = pread(fd, head, sizeof(head), 0);
  (void)close(fd);
  if (!status.st_size)
    SnaMessageSet(message, "%s: the file is empty, not an HDF5 file", path);
  else if (got < (ssize_t)sizeof(head) || (memcmp(head, signature, sizeof(head)) && H5Fis_hdf5(path) <= 0))
    SnaMessageSet(message, "%s: not an HDF5 file", path);
  if (message[0]) return -1;
  (void)H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  fapl = H5Pcreate(H5P_FILE_ACCESS);
  if (fapl < 0) {
    SnaMessageSet(message, "%s: HDF5 cannot be used", path);
    return -1;
  }
#if H5_VERSION_GE(1, 10, 7)
  (void)H5Pset_file_locking(fapl, 0, 1);
#endif
  (void)H5Pset_fclose_degree(fapl, H5F_CLOSE_STRONG);
  h5 = H5Fopen(path, H5F_ACC_RDONLY, fapl);
  if (h5 < 0) {
    (void)H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, KeepFirstDescription, reason);
    if (strstr(reason, "truncated"))
      SnaMessageSet(message, "%s: truncated: the file is shorter than its header says (%lld bytes are left)", path,
        (long long)status.st_size);
    else
      SnaMessageSet(message, "%s: truncated or damaged HDF5 file (HDF5: %s)", path, reason);
  }
  (void)H5Pclose(fapl);
  return h5;
}

PetscErrorCode SnaFileOpen(MPI_Comm comm, const char path[], SnaFile *file)
{
  PetscFunctionBeginUser;
  PetscCall(NewFile(comm, path, file));
  if ((*file)->rank == 0) (*file)->h5 = SnaHdf5Open(path, (*file)->message);
  PetscCall(SnaMessageBroadcast(comm, (*file)->message));
  PetscFunctionReturn(0);
}

// On a file being written only rank 0 can know of an error; SnaFileWriteRows() has agreed on its own.
static PetscErrorCode ShareError(SnaFile file)
{
  PetscFunctionBeginUser;
  if (file->rank == 0 && !file->message[0]) (void)SnaFileAlive(file);
  PetscCall(SnaMessageBroadcast(file->comm, file->message));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFileGetError(SnaFile file, const char **message)
{
  PetscFunctionBeginUser;
  PetscCall(ShareError(file));
  *message = file->message[0] ? file->message : NULL;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFileClose(SnaFile *file, char message[SNA_MAX_MESSAGE])
{
  SnaFile f = *file;

  PetscFunctionBeginUser;
  message[0] = 0;
  if (!f) PetscFunctionReturn(0);
  if (f->sink) {
    PetscBool closed = PETSC_TRUE;

    (void)SnaFileAlive(f);
    if (f->message[0] && !f->sink->error)
      f->sink->error = ECANCELED; // what is left in HDF5's memory need not be written
    if (f->h5 >= 0 && H5Fclose(f->h5) < 0) {
      SnaFileFail(f, "/", "cannot close the file");
      closed = PETSC_FALSE;
    }
    (void)SnaFileAlive(f);
    SnaPartPublish(f->sink->fd, f->path, f->message);
    f->sink->fd = -1;
    if (closed) free(f->sink); // otherwise HDF5 still points to it, and writes into a closed sink vanish
  } else if (f->h5 >= 0 && H5Fclose(f->h5) < 0)
    SnaFileFail(f, "/", "cannot close the file");
  PetscCall(SnaMessageBroadcast(f->comm, f->message));
  PetscCall(PetscStrncpy(message, f->message, SNA_MAX_MESSAGE));
  PetscCall(PetscFree(f->path));
  PetscCall(PetscFree(*file));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFileAbandon(SnaFile *file)
{
  char message[SNA_MAX_MESSAGE];

  PetscFunctionBeginUser;
  if (!*file) PetscFunctionReturn(0);
  SnaMessageSet((*file)->message, "%s: abandoned", (*file)->path); // a file with an error is not published
  PetscCall(SnaFileClose(file, message));
  PetscFunctionReturn(0);
}
