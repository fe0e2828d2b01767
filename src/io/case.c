// case.c - one run at a time in a case's directory.
//
// The lock is flock() on <case>.lock, held by rank 0's process: the system gives it back when the process dies in
// whatever way, so no stale lock exists. The file itself is removed while the lock is held; whoever then gets a lock on
// a removed file sees that the name no longer leads to it, and tries again. Child processes do not inherit the lock
// (O_CLOEXEC).
#include "io_impl.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_TRIES 100 // each lost try means that another run ended in between

struct SnaCase_ {
  MPI_Comm comm;
  char     dir[PETSC_MAX_PATH_LEN];  // <dir>/<case>
  char     base[PETSC_MAX_PATH_LEN]; // <dir>/<case>/<case>
  int      lock;                     // descriptor on rank 0, otherwise -1
  int      made;                     // levels of dir that the claim has made
};

static void LockName(SnaCase c, char name[PETSC_MAX_PATH_LEN + 8])
{
  (void)snprintf(name, PETSC_MAX_PATH_LEN + 8, "%s.lock", c->base);
}

// Who holds the lock, as the holder wrote it.
static void ReadHolder(int fd, char holder[128])
{
  const ssize_t got = pread(fd, holder, 127, 0);

  holder[got > 0 ? got : 0]     = 0;
  holder[strcspn(holder, "\n")] = 0;
}

// Takes the lock and returns PETSC_TRUE; or leaves a message. Where the file system has no locks the claim stands and
// the message is a warning.
static PetscBool TakeLock(SnaCase c, char message[SNA_MAX_MESSAGE])
{
  char        name[PETSC_MAX_PATH_LEN + 8], host[64] = "", text[128], holder[128];
  struct stat by_name, by_handle;
  int         made;

  LockName(c, name);
  for (int attempt = 0; attempt < LOCK_TRIES; attempt++) {
    SnaPathMakeDirectories(c->dir, &made, message); // a run that ends may remove the directory
    if (message[0]) return PETSC_FALSE;
    c->made = PetscMax(c->made, made);
    c->lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (c->lock < 0) {
      if (errno == ENOENT) continue;
      SnaMessageSet(message, "%s: cannot create the file: %s", name, strerror(errno));
      SnaPathRemoveDirectories(c->dir, c->made);
      return PETSC_FALSE;
    }
    if (flock(c->lock, LOCK_EX | LOCK_NB)) {
      const int error = errno;

      if (error == EINTR) {
        (void)close(c->lock);
        continue;
      }
      if (error == EWOULDBLOCK) {
        ReadHolder(c->lock, holder);
        (void)close(c->lock);
        c->lock = -1;
        SnaMessageSet(message, "%s: another run%s%s%s is at work in this case; wait for it, or choose another `case:`",
          c->dir, holder[0] ? " (" : "", holder, holder[0] ? ")" : "");
        return PETSC_FALSE;
      }
      SnaMessageSet(message,
        "%s: warning: the file system cannot lock files (%s); two runs of this case would overwrite each other", c->dir,
        strerror(error));
      return PETSC_TRUE;
    }
    if (!fstat(c->lock, &by_handle) && !stat(name, &by_name) && by_handle.st_ino == by_name.st_ino &&
        by_handle.st_dev == by_name.st_dev) {
      int n;

      (void)gethostname(host, sizeof(host) - 1);
      n = snprintf(text, sizeof(text), "process %ld on %s\n", (long)getpid(), host);
      // the text only serves the message above: half of it may stay
      if (!ftruncate(c->lock, 0)) (void)SnaWriteAll(c->lock, text, (size_t)n);
      return PETSC_TRUE;
    }
    (void)close(c->lock);
    c->lock = -1;
  }
  SnaMessageSet(message, "%s: cannot lock the case: other runs come and go too fast", c->dir);
  return PETSC_FALSE;
}

static void DropLock(SnaCase c)
{
  char name[PETSC_MAX_PATH_LEN + 8];

  if (c->lock < 0) return;
  LockName(c, name);
  (void)unlink(name); // before the lock is given back, see above
  (void)close(c->lock);
  c->lock = -1;
  if (!rmdir(c->dir) && c->made > 1) { // the directories above, as far as they are ours and empty
    char above[PETSC_MAX_PATH_LEN], *slash;

    (void)snprintf(above, sizeof(above), "%s", c->dir);
    slash = strrchr(above, '/');
    if (slash) {
      *slash = 0;
      SnaPathRemoveDirectories(above, c->made - 1);
    }
  }
}

// What a killed run left half written. The directory belongs to the case, and the lock is held.
static void RemoveStaleParts(SnaCase c)
{
  DIR           *dir = opendir(c->dir);
  struct dirent *entry;

  if (!dir) return;
  while ((entry = readdir(dir))) {
    const size_t n = strlen(entry->d_name);

    if (n > 5 && !strcmp(entry->d_name + n - 5, ".part")) (void)unlinkat(dirfd(dir), entry->d_name, 0);
  }
  (void)closedir(dir);
}

static void Claim(SnaCase c, PetscBool force, PetscBool *ok, char message[SNA_MAX_MESSAGE])
{
  char        name[PETSC_MAX_PATH_LEN + 8];
  struct stat status;

  *ok = TakeLock(c, message);
  if (!*ok) return;
  (void)snprintf(name, sizeof(name), "%s.h5", c->base);
  if (!force && !stat(name, &status)) {
    DropLock(c);
    message[0] = 0;
    SnaMessageSet(message, "%s: exists; give -force to replace it, or choose another `case:`", name);
    *ok = PETSC_FALSE;
    return;
  }
  RemoveStaleParts(c);
}

PetscErrorCode SnaCaseClaim(MPI_Comm comm, const char dir[], const char name[], PetscBool force, SnaCase *c,
  PetscBool *ok, char message[SNA_MAX_MESSAGE])
{
  PetscMPIInt rank;
  int         granted = 0, n, m;

  PetscFunctionBeginUser;
  message[0] = 0;
  *ok        = PETSC_FALSE;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCall(PetscNew(c));
  (*c)->comm = comm;
  (*c)->lock = -1;
  if (!dir[0]) dir = ".";
  n = snprintf((*c)->dir, sizeof((*c)->dir), "%s%s%s", dir, dir[strlen(dir) - 1] == '/' ? "" : "/", name);
  m = snprintf((*c)->base, sizeof((*c)->base), "%s/%s", (*c)->dir, name);
  if (!name[0] || strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, ".."))
    SnaMessageSet(message, "`%.100s` cannot name a case: it names a directory and the files in it", name);
  else if (n >= PETSC_MAX_PATH_LEN - 64 || m >= PETSC_MAX_PATH_LEN - 64)
    SnaMessageSet(message, "%.100s...: the name is too long", dir);
  else {
    if (rank == 0) {
      Claim(*c, force, ok, message);
      granted = *ok ? 1 : 0;
    }
    PetscCallMPI(MPI_Bcast(&granted, 1, MPI_INT, 0, comm));
    PetscCall(SnaMessageBroadcast(comm, message));
  }
  *ok = granted ? PETSC_TRUE : PETSC_FALSE;
  if (!granted) PetscCall(PetscFree(*c));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaCaseGetPath(SnaCase c, const char suffix[], size_t size, char path[])
{
  PetscFunctionBeginUser;
  PetscCheck((size_t)snprintf(path, size, "%s%s", c->base, suffix) < size, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE,
    "%s%s does not fit into %zu bytes", c->base, suffix, size);
  PetscFunctionReturn(0);
}

PetscErrorCode SnaCaseGetDir(SnaCase c, const char **dir)
{
  PetscFunctionBeginUser;
  *dir = c->dir;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaCaseRelease(SnaCase *c)
{
  PetscFunctionBeginUser;
  if (!*c) PetscFunctionReturn(0);
  PetscCallMPI(MPI_Barrier((*c)->comm)); // nobody is still at work in the directory
  DropLock(*c);
  PetscCall(PetscFree(*c));
  PetscFunctionReturn(0);
}
