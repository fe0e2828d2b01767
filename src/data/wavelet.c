// wavelet.c - discrete wavelet transform of signals, and the first coefficients of it.
//
// A signal of `length` values is continued by its last value to n = 2^J and transformed by GSL's pyramid algorithm with periodic ends: one smooth coefficient,
// then the details from coarse (1) to fine (n/2). The first `keep` are the coefficients; on the way back the others are zero, and what lies beyond `length` is
// cut off. haar and daubechies are orthogonal: energy is preserved, and dropping coefficients is a projection. bspline is biorthogonal.
// Mallat, IEEE Trans. Pattern Anal. Mach. Intell. 11 (1989) 674; Daubechies, Ten Lectures on Wavelets (1992).
//
// Does not: mirror or extrapolate at the ends; the jump between the last value and the first makes details near both.
#include <sna/data.h>
#include <gsl/gsl_wavelet.h>

struct SnaWavelet_ {
  gsl_wavelet           *wavelet;
  gsl_wavelet_workspace *work;
  PetscInt               length, padded, keep;
  double                *buffer; // padded
};

// What GSL takes; it ends the program at anything else.
static const PetscInt daubechies_orders[] = {4, 6, 8, 10, 12, 14, 16, 18, 20};
static const PetscInt bspline_orders[]    = {103, 105, 202, 204, 206, 208, 301, 303, 305, 307, 309};

static PetscBool IsIn(PetscInt value, PetscInt n, const PetscInt values[])
{
  for (PetscInt i = 0; i < n; i++)
    if (values[i] == value) return PETSC_TRUE;
  return PETSC_FALSE;
}

PetscErrorCode SnaWaveletCreate(
  const char family[], PetscInt order, PetscInt length, PetscInt keep, SnaWavelet *w, char message[SNA_MAX_MESSAGE])
{
  const gsl_wavelet_type *type   = NULL;
  PetscInt                padded = 1;
  PetscBool               haar, daubechies, bspline;

  PetscFunctionBeginUser;
  *w = NULL;
  PetscCall(PetscStrcmp(family, "haar", &haar));
  PetscCall(PetscStrcmp(family, "daubechies", &daubechies));
  PetscCall(PetscStrcmp(family, "bspline", &bspline));
  PetscCheck(haar || daubechies || bspline, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "No wavelets %s", family);
  PetscCheck(length > 0 && length <= PETSC_MAX_INT / 4, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE,
    "Signals of %" PetscInt_FMT, length);
  while (padded < length) padded *= 2;
  if (haar) {
    type  = gsl_wavelet_haar;
    order = 2; // the only one
  } else if (daubechies) {
    type = gsl_wavelet_daubechies;
    if (!IsIn(order, (PetscInt)PETSC_STATIC_ARRAY_LENGTH(daubechies_orders), daubechies_orders))
      SnaMessageSet(
        message, "no Daubechies wavelets of order %" PetscInt_FMT "; take 4, 6, 8, 10, 12, 14, 16, 18 or 20", order);
  } else {
    type = gsl_wavelet_bspline;
    if (!IsIn(order, (PetscInt)PETSC_STATIC_ARRAY_LENGTH(bspline_orders), bspline_orders))
      SnaMessageSet(message,
        "no B-spline wavelets of order %" PetscInt_FMT "; take 103, 105, 202, 204, 206, 208, 301, 303, 305, 307 or 309",
        order);
  }
  if (keep < 1 || keep > padded)
    SnaMessageSet(message,
      "%" PetscInt_FMT " coefficients of signals of length %" PetscInt_FMT "; take 1 to %" PetscInt_FMT, keep, length,
      padded);
  if (message[0]) PetscFunctionReturn(0);
  PetscCall(PetscNew(w));
  (*w)->length = length;
  (*w)->padded = padded;
  (*w)->keep   = keep;
  PetscCall(PetscMalloc1((size_t)padded, &(*w)->buffer));
  (*w)->wavelet = gsl_wavelet_alloc(type, (size_t)order);
  (*w)->work    = gsl_wavelet_workspace_alloc((size_t)padded);
  PetscCheck((*w)->wavelet && (*w)->work, PETSC_COMM_SELF, PETSC_ERR_MEM, "Wavelets");
  PetscFunctionReturn(0);
}

PetscErrorCode SnaWaveletDestroy(SnaWavelet *w)
{
  PetscFunctionBeginUser;
  if (!*w) PetscFunctionReturn(0);
  gsl_wavelet_free((*w)->wavelet);
  gsl_wavelet_workspace_free((*w)->work);
  PetscCall(PetscFree((*w)->buffer));
  PetscCall(PetscFree(*w));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaWaveletForward(SnaWavelet w, PetscInt n, const double signal[], double coefficient[])
{
  PetscFunctionBeginUser;
  for (PetscInt s = 0; s < n; s++) {
    const double *in = signal + (size_t)s * (size_t)w->length;

    PetscCall(PetscArraycpy(w->buffer, in, w->length));
    for (PetscInt i = w->length; i < w->padded; i++) w->buffer[i] = in[w->length - 1];
    (void)gsl_wavelet_transform_forward(w->wavelet, w->buffer, 1, (size_t)w->padded, w->work);
    PetscCall(PetscArraycpy(coefficient + (size_t)s * (size_t)w->keep, w->buffer, w->keep));
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaWaveletBackward(SnaWavelet w, PetscInt n, const double coefficient[], double signal[])
{
  PetscFunctionBeginUser;
  for (PetscInt s = 0; s < n; s++) {
    PetscCall(PetscArraycpy(w->buffer, coefficient + (size_t)s * (size_t)w->keep, w->keep));
    PetscCall(PetscArrayzero(w->buffer + w->keep, w->padded - w->keep));
    (void)gsl_wavelet_transform_inverse(w->wavelet, w->buffer, 1, (size_t)w->padded, w->work);
    PetscCall(PetscArraycpy(signal + (size_t)s * (size_t)w->length, w->buffer, w->length));
  }
  PetscFunctionReturn(0);
}
