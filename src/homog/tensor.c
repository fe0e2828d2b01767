// tensor.c - what a stiffness tensor in Voigt order 11, 22, 33, 23, 13, 12 can be asked without solving anything more.
//
// Checks: three mirror planes make 12 of the 21 terms zero (normal-shear and shear-shear couplings); cubic symmetry makes C11 = C22 = C33, C12 = C13 = C23
// and C44 = C55 = C66. Mixed control: with the strains e_g given and the stresses s_f at the other places f,
//
//   e_f = C_ff^-1 (s_f - C_fg e_g),    s_g = C_gg e_g + C_gf e_f
//
// by Cholesky of C_ff. No iteration: the macroscopic response is linear.
#include <sna/homog.h>
#include <math.h>

#define SINGULAR 1e-9 // pivot over diagonal entry, below which a block does not resist

static double Scale(const double C[6][6])
{
  double largest = 0;

  if (C[0][0] > 0) return C[0][0];
  for (int i = 0; i < 6; i++)
    for (int j = 0; j < 6; j++) largest = PetscMax(largest, fabs(C[i][j]));
  return largest;
}

void SnaTensorChecks(const double C[6][6], double *zeros, double *triples)
{
  static const int triple[3][3][2] = {{{0, 0}, {1, 1}, {2, 2}}, {{0, 1}, {0, 2}, {1, 2}}, {{3, 3}, {4, 4}, {5, 5}}};
  const double     scale           = Scale(C);

  *zeros = *triples = 0;
  if (scale == 0) return;
  for (int i = 0; i < 6; i++)
    for (int j = 3; j < 6; j++)
      if (i != j) *zeros = PetscMax(*zeros, PetscMax(fabs(C[i][j]), fabs(C[j][i])) / scale);
  for (int t = 0; t < 3; t++)
    for (int a = 0; a < 3; a++) {
      const int *p = triple[t][a], *q = triple[t][(a + 1) % 3];
      *triples = PetscMax(*triples, fabs(C[p[0]][p[1]] - C[q[0]][q[1]]) / scale);
    }
}

PetscErrorCode SnaTensorMixed(
  const double C[6][6], const PetscBool strain_given[6], double strain[6], double stress[6], PetscBool *ok)
{
  double L[6][6], x[6];
  int    n = 0, f[6];

  PetscFunctionBeginUser;
  *ok = PETSC_TRUE;
  for (int i = 0; i < 6; i++)
    if (!strain_given[i]) f[n++] = i;
  for (int i = 0; i < n && *ok; i++) {
    x[i] = stress[f[i]];
    for (int j = 0; j < 6; j++)
      if (strain_given[j]) x[i] -= C[f[i]][j] * strain[j];
    for (int j = 0; j <= i; j++) {
      double s = C[f[i]][f[j]];
      for (int k = 0; k < j; k++) s -= L[i][k] * L[j][k];
      if (j < i)
        L[i][j] = s / L[j][j];
      else if (!(s > SINGULAR * C[f[i]][f[i]]) || !isfinite(s))
        *ok = PETSC_FALSE;
      else
        L[i][i] = sqrt(s);
      if (!*ok) break;
    }
  }
  if (!*ok) PetscFunctionReturn(0);
  for (int i = 0; i < n; i++) {
    for (int k = 0; k < i; k++) x[i] -= L[i][k] * x[k];
    x[i] /= L[i][i];
  }
  for (int i = n - 1; i >= 0; i--) {
    for (int k = i + 1; k < n; k++) x[i] -= L[k][i] * x[k];
    x[i] /= L[i][i];
  }
  for (int i = 0; i < n; i++) strain[f[i]] = x[i];
  for (int i = 0; i < 6; i++) {
    if (!strain_given[i]) continue;
    stress[i] = 0;
    for (int j = 0; j < 6; j++) stress[i] += C[i][j] * strain[j];
  }
  PetscFunctionReturn(0);
}
