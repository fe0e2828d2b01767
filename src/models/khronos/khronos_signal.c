// khronos_signal.c - the stages signal -> wavelet coefficients -> principal components, whose scores c1, c2, ... are the inputs, and back.
//
// The wavelet transform has nothing to learn and is made once; mean and components are those of the training rows, so each fold has its own. The number of
// components is that of the whole data in all folds.
#include "khronos.h"
#include <math.h>

// FILE.h5 of "FILE.h5:/dataset"
static PetscErrorCode FilePath(const char file[], char path[PETSC_MAX_PATH_LEN])
{
  char *end;

  PetscFunctionBeginUser;
  PetscCall(PetscStrncpy(path, file, PETSC_MAX_PATH_LEN));
  PetscCall(PetscStrstr(path, ":/", &end));
  if (end) *end = 0;
  PetscFunctionReturn(0);
}

PetscErrorCode KhronosReadSignals(
  SnaModel model, SnaDeck deck, PetscInt nrows, PetscInt64 total, double **signal, PetscBool *known)
{
  Khronos    *k    = (Khronos *)model->data;
  const char *name = k->deck.signals, *error;
  char        path[PETSC_MAX_PATH_LEN], message[SNA_MAX_MESSAGE];
  SnaFile     file;
  int         ndim    = 0;
  PetscInt    dims[4] = {0};

  PetscFunctionBeginUser;
  PetscCall(FilePath(k->deck.file, path));
  PetscCall(SnaFileOpen(model->comm, path, &file));
  PetscCall(SnaFileReadArraySize(file, name, &ndim, dims));
  PetscCall(SnaFileGetError(file, &error));
  if (!error && ndim != 2)
    PetscCall(SnaFileSetError(file, "%s has %d dimensions, and signals have two: samples x time", name, ndim));
  else if (!error && dims[0] != total)
    PetscCall(SnaFileSetError(file,
      "%s holds %" PetscInt_FMT " signals, and the table of targets %" PetscInt64_FMT " rows", name, dims[0], total));
  else if (!error && dims[1] < 2)
    PetscCall(SnaFileSetError(file, "%s: signals of one number are no signals", name));
  else if (!error) {
    k->deck.length = dims[1];
    PetscCall(PetscMalloc1(PetscMax(1, (size_t)nrows * (size_t)dims[1]), signal));
    PetscCall(SnaFileReadRows(file, name, nrows, dims[1], *signal));
  }
  PetscCall(SnaFileClose(&file, message));
  if (message[0]) {
    PetscCall(SnaDeckError(deck, "data_signals", NULL, "%s", message));
    PetscCall(PetscFree(*signal));
    *known = PETSC_FALSE;
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode CreateWavelet(const Khronos *k, SnaWavelet *w, PetscInt *width, char message[SNA_MAX_MESSAGE])
{
  const KhronosDeck *D      = &k->deck;
  PetscInt           padded = 1;
  PetscBool          none;

  PetscFunctionBeginUser;
  message[0] = 0;
  *w         = NULL;
  *width     = D->length;
  PetscCall(PetscStrcmp(D->wavelet, "none", &none));
  if (none) PetscFunctionReturn(0);
  while (padded < D->length) padded *= 2;
  *width = D->wavelet_keep ? D->wavelet_keep : PetscMin(64, padded);
  PetscCall(SnaWaveletCreate(D->wavelet, D->wavelet_order, D->length, *width, w, message));
  PetscFunctionReturn(0);
}

PetscErrorCode KhronosTransformSignals(SnaModel model, SnaDeck deck, PetscBool *known)
{
  Khronos       *k = (Khronos *)model->data;
  const PetscInt n = k->all.n;
  SnaWavelet     w;
  char           message[SNA_MAX_MESSAGE];
  PetscBool      keep;

  PetscFunctionBeginUser;
  PetscCall(CreateWavelet(k, &w, &k->width, message));
  if (message[0]) {
    PetscCall(SnaDeckHas(deck, "signal_keep", NULL, &keep));
    PetscCall(SnaDeckError(deck, keep ? "signal_keep" : "signal_wavelet", NULL, "%s", message));
    *known = PETSC_FALSE;
    PetscFunctionReturn(0);
  }
  PetscCall(PetscMalloc1(PetscMax(1, (size_t)n * (size_t)k->width), &k->coefficient));
  if (w)
    PetscCall(SnaWaveletForward(w, n, k->signal, k->coefficient));
  else
    PetscCall(PetscArraycpy(k->coefficient, k->signal, (size_t)n * (size_t)k->width));
  PetscCall(SnaWaveletDestroy(&w));
  PetscFunctionReturn(0);
}

PetscErrorCode KhronosFitSignals(SnaModel model, const SnaPart part[], KhronosModel *m, char message[SNA_MAX_MESSAGE])
{
  Khronos       *k = (Khronos *)model->data;
  const PetscInt n = k->all.n, nx = k->all.nx;
  const size_t   width = (size_t)k->width;
  double        *train, *score;
  SnaRows        rows;
  PetscInt       ntrain = 0, same;

  PetscFunctionBeginUser;
  PetscCall(CreateWavelet(k, &m->wavelet, &same, message));
  if (message[0]) PetscFunctionReturn(0);
  for (PetscInt i = 0; i < n; i++) ntrain += part[i] == SNA_PART_TRAIN ? 1 : 0;
  PetscCall(PetscMalloc1(PetscMax(1, (size_t)ntrain * width), &train));
  ntrain = 0;
  for (PetscInt i = 0; i < n; i++) {
    if (part[i] != SNA_PART_TRAIN) continue;
    PetscCall(PetscArraycpy(train + (size_t)ntrain * width, k->coefficient + (size_t)i * width, width));
    ntrain++;
  }
  PetscCall(SnaPcaFit(
    model->comm, ntrain, k->width, train, nx ? nx : k->deck.components, nx ? 0 : k->deck.variance, &m->pca, message));
  PetscCall(PetscFree(train));
  if (message[0]) PetscFunctionReturn(0);
  if (nx == 0) { // the first fit says how many inputs there are
    if (m->pca.count > SNA_MAX_DIM) {
      SnaMessageSet(message,
        "%" PetscInt_FMT " principal components hold %g of the variance, and %d inputs are the limit: ask for less, or "
        "for `components`",
        m->pca.count, k->deck.variance, SNA_MAX_DIM);
      PetscFunctionReturn(0);
    }
    PetscCall(SnaRowsCreate(m->pca.count, k->all.ny, n, &rows));
    rows.total = k->all.total;
    PetscCall(PetscArraycpy(rows.row, k->all.row, n));
    for (PetscInt o = 0; o < k->all.ny; o++) PetscCall(PetscArraycpy(rows.y[o], k->all.y[o], n));
    PetscCall(SnaRowsDestroy(&k->all));
    k->all = rows;
  }
  PetscCheck(m->pca.count == k->all.nx, model->comm, PETSC_ERR_PLIB, "%" PetscInt_FMT " components", m->pca.count);
  PetscCall(PetscMalloc1(PetscMax(1, (size_t)n * (size_t)m->pca.count), &score));
  PetscCall(SnaPcaForward(&m->pca, n, k->coefficient, score));
  for (PetscInt d = 0; d < m->pca.count; d++)
    for (PetscInt i = 0; i < n; i++) k->all.x[d][i] = score[(size_t)i * (size_t)m->pca.count + (size_t)d];
  PetscCall(PetscFree(score));
  PetscFunctionReturn(0);
}
