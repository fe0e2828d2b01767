// basis_fourier.c - sines and cosines, orthonormal in L2 on [lo, hi], with t = (x - lo)/L, L = hi - lo:
//
//   periodic             1/sqrt(L), sqrt(2/L) cos(2 pi t), sqrt(2/L) sin(2 pi t), sqrt(2/L) cos(4 pi t), ..
//   dirichlet dirichlet  sqrt(2/L) sin(k pi t), k = 1, 2, ..          neumann neumann    1/sqrt(L), sqrt(2/L) cos(k pi t), k = 1, 2, ..
//   dirichlet neumann    sqrt(2/L) sin((k - 1/2) pi t)                neumann dirichlet  sqrt(2/L) cos((k - 1/2) pi t)
//
// The m-th derivative turns cos and sin by m quarters. Angles are taken from the nearer end, where each of these functions is a sine or a cosine again: the
// conditions hold to the last bit at both ends. Powers exp(i k t) come from one multiplication each, and from the library every RESTART of them, which
// keeps the error of their phase at that of t.
#include "basis_impl.h"

#define RESTART        16
#define MODES_PER_CELL 64

static PetscErrorCode Check_Fourier(const SnaBasisSpec *spec, char message[SNA_MAX_MESSAGE])
{
  PetscFunctionBeginUser;
  if (spec->nbreak != 0) {
    PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE, "break points are for bspline, a Fourier basis has none"));
    PetscFunctionReturn(0);
  }
  for (int e = 0; e < 2; e++) {
    const SnaEndKind kind = spec->end[e].kind;

    if (kind == SNA_END_PERIODIC || kind == SNA_END_DIRICHLET || kind == SNA_END_NEUMANN) continue;
    PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE,
      "a Fourier basis needs a condition at both ends: periodic, dirichlet or neumann, not %s at the %s one (bspline, "
      "legendre and chebyshev "
      "can have it)",
      kind == SNA_END_ROBIN     ? "robin"
      : kind == SNA_END_CLAMPED ? "value and slope zero"
                                : "none",
      e ? "upper" : "lower"));
    break;
  }
  PetscFunctionReturn(0);
}

// A cell of m modes has products of up to m wave lengths, which 2m points and some integrate to round-off.
static PetscErrorCode SetUp_Fourier(SnaBasis b, const SnaBasisSpec *spec)
{
  const PetscInt n = spec->resolution;

  PetscFunctionBeginUser;
  b->info.cells = (n + MODES_PER_CELL - 1) / MODES_PER_CELL;
  b->info.n = b->info.local = n;
  b->info.points            = 2 * ((n + b->info.cells - 1) / b->info.cells) + 16;
  PetscFunctionReturn(0);
}

static PetscErrorCode Evaluate_Fourier(SnaBasis b, double x, PetscInt order, PetscInt *cell, double values[])
{
  const PetscInt  n        = b->info.n;
  const PetscBool periodic = (PetscBool)(b->info.end[0].kind == SNA_END_PERIODIC);
  const PetscBool sine[2]  = {
     (PetscBool)(b->info.end[0].kind == SNA_END_DIRICHLET), (PetscBool)(b->info.end[1].kind == SNA_END_DIRICHLET)};
  // Function k is the sine or cosine of (k + shift) unit t, t from the nearer end, so that dt/dx = turn / L.
  const double length = b->info.hi - b->info.lo, below = (x - b->info.lo) / length, above = (b->info.hi - x) / length;
  const PetscBool upper = (PetscBool)(below > 0.5);
  const double    t = upper ? above : below, turn = upper ? -1 : 1, unit = (periodic ? 2 : 1) * PETSC_PI;
  const double    shift = periodic ? 0 : 0.5 * ((double)sine[0] + (double)sine[1]);
  const double    size = PetscSqrtReal(2 / length), step_re = PetscCosReal(unit * t), step_im = PetscSinReal(unit * t);
  const PetscInt  waves = periodic ? n / 2 + 1 : n;
  double          re = 0, im = 0;

  PetscFunctionBeginUser;
  *cell = below > 0
            ? (below < 1 ? PetscMin((PetscInt)(below * (double)b->info.cells), b->info.cells - 1) : b->info.cells - 1)
            : 0;
  for (PetscInt k = 0; k < waves; k++) {
    const double number = (double)k + shift;
    // At the upper end every second function of the bounded ones has the other sign than the one of the same number at the lower end.
    const double sign   = upper && !periodic && k % 2 ? -1 : 1;
    double       factor = size * sign;

    if (k % RESTART == 0) {
      re = PetscCosReal(unit * number * t);
      im = PetscSinReal(unit * number * t);
    } else {
      const double old = re;

      re = old * step_re - im * step_im;
      im = old * step_im + im * step_re;
    }
    if (number == 0) factor = PetscSqrtReal(1 / length);
    for (PetscInt m = 0; m <= order; m++) {
      const double quarter_cos[4] = {re, -im, -re, im}, quarter_sin[4] = {im, re, -im, -re};
      double      *v = values + m * n;

      if (periodic) {
        if (k == 0)
          v[0] = factor * quarter_cos[m % 4];
        else {
          v[2 * k - 1] = factor * quarter_cos[m % 4];
          if (2 * k < n) v[2 * k] = turn * factor * quarter_sin[m % 4];
        }
      } else {
        v[k] = factor * (sine[upper] ? quarter_sin[m % 4] : quarter_cos[m % 4]);
      }
      factor *= turn * unit * number / length;
    }
  }
  PetscFunctionReturn(0);
}

const SnaBasisOps SnaBasisFourier_Private = {.family = "fourier",
  .check                                             = Check_Fourier,
  .setup                                             = SetUp_Fourier,
  .evaluate                                          = Evaluate_Fourier,
  .smooth                                            = SnaBasisSmooth_Modal_Private};
