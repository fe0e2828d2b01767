// path.c - directories, and files that appear whole or not at all.
//
// A file is written under the name `path.part`, synced, and renamed to `path`. rename() is atomic (POSIX.1), so a
// reader sees the old file or the new one, and a process killed in between leaves the old one. The directory is synced
// too, so that the new name survives a power failure. Parallel writes into a .part file are independent (each rank its
// own bytes) and followed by one agreement: a collective MPI-IO write whose failure only some ranks see would leave the
// others waiting.
#include "io_impl.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void SnaMessageSet(char message[SNA_MAX_MESSAGE], const char format[], ...)
{
  va_list arguments;

  if (message[0]) return;
  va_start(arguments, format);
  (void)vsnprintf(message, SNA_MAX_MESSAGE, format, arguments);
  va_end(arguments);
}

PetscErrorCode SnaMessageBroadcast(MPI_Comm comm, char message[SNA_MAX_MESSAGE])
{
  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Bcast(message, SNA_MAX_MESSAGE, MPI_CHAR, 0, comm));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaMessageAgree(MPI_Comm comm, char message[SNA_MAX_MESSAGE])
{
  PetscMPIInt rank, size, mine, first;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCallMPI(MPI_Comm_size(comm, &size));
  mine = message[0] ? rank : size;
  PetscCallMPI(MPI_Allreduce(&mine, &first, 1, MPI_INT, MPI_MIN, comm));
  if (first < size) PetscCallMPI(MPI_Bcast(message, SNA_MAX_MESSAGE, MPI_CHAR, first, comm));
  PetscFunctionReturn(0);
}

// Length of the parent of path[0..n), 0 when there is none: "a/b" -> 1, "/a" -> 1, "a" -> 0. Repeated slashes count as
// one.
static size_t ParentLength(const char path[], size_t n)
{
  while (n > 1 && path[n - 1] == '/') n--;
  while (n > 0 && path[n - 1] != '/') n--;
  while (n > 1 && path[n - 1] == '/') n--;
  return n;
}

void SnaPathRemoveDirectories(const char dir[], int levels)
{
  char   name[PETSC_MAX_PATH_LEN];
  size_t n = strlen(dir);

  if (n >= sizeof(name)) return;
  memcpy(name, dir, n + 1);
  for (; levels > 0 && n > 0; levels--) {
    if (rmdir(name)) return;
    n       = ParentLength(name, n);
    name[n] = 0;
  }
}

void SnaPathMakeDirectories(const char dir[], int *made, char message[SNA_MAX_MESSAGE])
{
  char   name[PETSC_MAX_PATH_LEN];
  size_t n = strlen(dir), end = 0;

  *made = 0;
  if (!n) return;
  if (n >= sizeof(name)) {
    SnaMessageSet(message, "%.200s...: the name of the directory is too long", dir);
    return;
  }
  while (end < n) {
    while (end < n && dir[end] == '/') end++;
    while (end < n && dir[end] != '/') end++;
    memcpy(name, dir, end);
    name[end] = 0;
    if (!mkdir(name, 0777))
      (*made)++;
    else {
      const int error =
        errno; // EEXIST is good news only for a directory; others such as EROFS may hide an existing one
      struct stat status;

      if (!stat(name, &status) && S_ISDIR(status.st_mode)) continue;
      SnaMessageSet(message, "%s: cannot make the directory: %s", name,
        error == EEXIST ? "a file of that name is in the way" : strerror(error));
      name[ParentLength(name, end)] = 0;
      SnaPathRemoveDirectories(name, *made);
      *made = 0;
      return;
    }
  }
}

void SnaPathMakeParent(const char path[], char message[SNA_MAX_MESSAGE])
{
  char         dir[PETSC_MAX_PATH_LEN];
  const size_t n = ParentLength(path, strlen(path));
  int          made;

  if (n >= sizeof(dir)) {
    SnaMessageSet(message, "%.200s...: the name is too long", path);
    return;
  }
  memcpy(dir, path, n);
  dir[n] = 0;
  SnaPathMakeDirectories(dir, &made, message);
}

static PetscBool PartName(const char path[], char part[PETSC_MAX_PATH_LEN])
{
  return snprintf(part, PETSC_MAX_PATH_LEN, "%s.part", path) < PETSC_MAX_PATH_LEN ? PETSC_TRUE : PETSC_FALSE;
}

int SnaPartOpen(const char path[], char message[SNA_MAX_MESSAGE])
{
  char        part[PETSC_MAX_PATH_LEN];
  struct stat status;
  int         fd = -1;

  if (!PartName(path, part))
    SnaMessageSet(message, "%.200s...: the name is too long", path);
  else if (!stat(path, &status) && S_ISDIR(status.st_mode))
    SnaMessageSet(message, "%s: cannot write: a directory of that name is in the way", path);
  else
    SnaPathMakeParent(path, message);
  if (message[0]) return -1;
  fd = open(part, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) SnaMessageSet(message, "%s: cannot create the file: %s", path, strerror(errno));
  return fd;
}

void SnaPartPublish(int fd, const char path[], char message[SNA_MAX_MESSAGE])
{
  char   part[PETSC_MAX_PATH_LEN], dir[PETSC_MAX_PATH_LEN];
  size_t n;

  if (fd < 0 || !PartName(path, part)) return;
  if (!message[0] && fsync(fd) && errno != EINVAL)
    SnaMessageSet(message, "%s: cannot write: %s", path, strerror(errno)); // EINVAL: a special file
  if (close(fd)) SnaMessageSet(message, "%s: cannot write: %s", path, strerror(errno));
  if (!message[0] && rename(part, path))
    SnaMessageSet(message, "%s: cannot rename %s: %s", path, part, strerror(errno));
  if (message[0]) {
    (void)unlink(part);
    return;
  }
  n = ParentLength(path, strlen(path));
  memcpy(dir, n ? path : ".", n ? n : 1);
  dir[n ? n : 1] = 0;
  fd             = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd >= 0) { // not every file system can sync a directory; the file itself is safe
    (void)fsync(fd);
    (void)close(fd);
  }
}

int SnaWriteAll(int fd, const char data[], size_t bytes)
{
  while (bytes) {
    const ssize_t done = write(fd, data, bytes);

    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return done < 0 ? errno : ENOSPC;
    data += done;
    bytes -= (size_t)done;
  }
  return 0;
}

// The MPI's own text names its internal functions first; the class is what a user understands.
static void MessageFromMPI(const char path[], int code, char message[SNA_MAX_MESSAGE])
{
  char text[MPI_MAX_ERROR_STRING + 1] = "";
  int  kind = MPI_ERR_OTHER, n = 0;

  (void)MPI_Error_class(code, &kind);
  (void)MPI_Error_string(code, text, &n);
  if (kind == MPI_ERR_NO_SPACE || strstr(text, strerror(ENOSPC)))
    SnaMessageSet(message, "%s: cannot write: %s", path, strerror(ENOSPC));
  else if (kind == MPI_ERR_QUOTA)
    SnaMessageSet(message, "%s: cannot write: %s", path, strerror(EDQUOT));
  else if (kind == MPI_ERR_READ_ONLY)
    SnaMessageSet(message, "%s: cannot write: %s", path, strerror(EROFS));
  else if (kind == MPI_ERR_ACCESS)
    SnaMessageSet(message, "%s: cannot write: %s", path, strerror(EACCES));
  else if (strstr(text, strerror(EFBIG)))
    SnaMessageSet(message, "%s: cannot write: %s", path, strerror(EFBIG));
  else
    SnaMessageSet(message, "%s: cannot write: %.300s", path, text);
}

PetscErrorCode SnaPartWriteAt(
  MPI_File file, const char path[], MPI_Offset at, size_t bytes, const void *data, char message[SNA_MAX_MESSAGE])
{
  const char *from = (const char *)data;

  PetscFunctionBeginUser;
  while (bytes && !message[0]) {
    const int  count = bytes < ((size_t)1 << 30) ? (int)bytes : 1 << 30; // the MPI counts in int
    int        code, written = 0;
    MPI_Status status;

    code = MPI_File_write_at(file, at, from, count, MPI_BYTE, &status);
    if (code != MPI_SUCCESS) {
      MessageFromMPI(path, code, message);
      break;
    }
    PetscCallMPI(MPI_Get_count(&status, MPI_BYTE, &written));
    if (written != count) SnaMessageSet(message, "%s: cannot write: %s", path, strerror(ENOSPC));
    at += count;
    from += count;
    bytes -= (size_t)count;
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaPartOpenAll(MPI_Comm comm, const char path[], MPI_File *file, char message[SNA_MAX_MESSAGE])
{
  char part[PETSC_MAX_PATH_LEN];
  int  code;

  PetscFunctionBeginUser;
  *file = MPI_FILE_NULL;
  PetscCall(SnaMessageAgree(comm, message));
  if (message[0]) PetscFunctionReturn(0);
  PetscCheck(PartName(path, part), PETSC_COMM_SELF, PETSC_ERR_PLIB, "The name was accepted by SnaPartOpen");
  code =
    MPI_File_open(comm, part, MPI_MODE_WRONLY, MPI_INFO_NULL, file); // files return their errors unless told otherwise
  if (code != MPI_SUCCESS) MessageFromMPI(path, code, message);
  PetscCall(SnaMessageAgree(comm, message));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaPartCloseAll(MPI_Comm comm, const char path[], MPI_File *file, char message[SNA_MAX_MESSAGE])
{
  int code;

  PetscFunctionBeginUser;
  PetscCall(SnaMessageAgree(comm, message));
  if (*file != MPI_FILE_NULL) {
    if (!message[0]) {
      code = MPI_File_sync(*file); // a network file system reports a full disk only here
      if (code != MPI_SUCCESS) MessageFromMPI(path, code, message);
    }
    code = MPI_File_close(file);
    if (code != MPI_SUCCESS) MessageFromMPI(path, code, message);
    PetscCall(SnaMessageAgree(comm, message));
  }
  PetscFunctionReturn(0);
}
