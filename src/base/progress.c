// progress.c - one greppable line per iteration on rank 0, with the time and the time that is left.
//
// The estimate assumes that work advances evenly: left = elapsed * (1 - work) / (work - work0). The caller knows the
// cost of its steps and gives `work` as a share of the whole, so that a ladder of growing ranks does not look nearly
// done at its first rung.
#include <sna/base.h>
#include <stdarg.h>
#include <stdio.h>

struct SnaProgress_ {
  MPI_Comm  comm;
  double    start, work0;
  PetscBool quiet;
};

PetscErrorCode SnaProgressCreate(MPI_Comm comm, SnaProgress *p)
{
  PetscFunctionBeginUser;
  PetscCall(PetscNew(p));
  (*p)->comm  = comm;
  (*p)->start = MPI_Wtime();
  PetscFunctionReturn(0);
}

PetscErrorCode SnaProgressDestroy(SnaProgress *p)
{
  PetscFunctionBeginUser;
  PetscCall(PetscFree(*p));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaProgressSetQuiet(SnaProgress p, PetscBool quiet)
{
  PetscFunctionBeginUser;
  p->quiet = quiet;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaProgressSetStart(SnaProgress p, double work0)
{
  PetscFunctionBeginUser;
  p->work0 = work0;
  PetscFunctionReturn(0);
}

double SnaProgressEta(double seconds, double work0, double work)
{
  if (!(work > work0) || !(seconds >= 0)) return -1; // also when work is NaN
  return work >= 1 ? 0 : seconds * (1 - work) / (work - work0);
}

static void FormatEta(double seconds, size_t size, char text[])
{
  if (seconds < 0)
    snprintf(text, size, "?");
  else if (seconds < 9.95)
    snprintf(text, size, "%.1f s", seconds);
  else if (seconds < 600)
    snprintf(text, size, "%.0f s", seconds);
  else if (seconds < 7200)
    snprintf(text, size, "%.0f min", seconds / 60);
  else
    snprintf(text, size, "%.1f h", seconds / 3600);
}

PetscErrorCode SnaProgressLine(
  SnaProgress p, const char what[], PetscInt done, PetscInt total, double work, const char format[], ...)
{
  const double seconds = MPI_Wtime() - p->start;
  char         count[64], eta[32], text[SNA_MAX_MESSAGE];
  va_list      args;

  PetscFunctionBeginUser;
  if (p->quiet) PetscFunctionReturn(0);
  if (total > 0) {
    const int width = snprintf(NULL, 0, "%" PetscInt_FMT, total);

    snprintf(count, sizeof(count), "%*" PetscInt_FMT "/%" PetscInt_FMT, width, done, total);
  } else
    snprintf(count, sizeof(count), "%" PetscInt_FMT, done);
  va_start(args, format);
  vsnprintf(text, sizeof(text), format, args);
  va_end(args);
  FormatEta(SnaProgressEta(seconds, p->work0, work), sizeof(eta), eta);
  PetscCall(
    PetscPrintf(p->comm, "%s  %s  %s%st %.1f s  eta %s\n", what, count, text, text[0] ? "  " : "", seconds, eta));
  PetscFunctionReturn(0);
}
