// beam.c - cells in a row: deflection of a cantilever from the cells' moduli, its distance from that of wanted moduli, stiffness of the row.
//
// n cells of edge a, fixed at x = 0, a transverse force 1 at x = L = n a; section a x a, I = a^4/12. Cell i has the modulus E_i along the beam and the shear
// modulus G_i. With M = L - x and the shear coefficient 5/6 of a rectangle,
//   Euler-Bernoulli  w(L) = int M^2/(E I) dx = sum_i ((L - x_i)^3 - (L - x_(i+1))^3) / (3 E_i I)
//   Timoshenko       adds int 1/((5/6) G A) dx = sum_i a/((5/6) G_i a^2)
// Energy error: the norm of the difference of curvatures, sqrt( int E* I (w'' - w*'')^2 / int E* I w*''^2 ), w'' = M/(E I).
//
// The row as a laminate: homogeneous orthotropic layers of equal thickness normal to 1, <> their mean,
//   C11 = <1/C11>^-1      C12 = <C12/C11> C11      C23 = <C23 - C12 C13/C11> + <C12/C11><C13/C11> C11      C44 = <C44>      C55 = <1/C55>^-1
//
// See: S. Timoshenko, J. Gere, Mechanics of Materials, section 9; G. Cowper, J. Appl. Mech. 33 (1966) 335 for the shear coefficient (5/6 at nu = 0);
// G. Backus, J. Geophys. Res. 67 (1962) 4427. Cells are taken as homogeneous across the section, one cell wide: a first estimate, which only many cells
// across would make exact.
#include <sna/homog.h>

void SnaBeamDeflection(PetscInt n, double edge, const double E[], const double G[], double *bending, double *shear)
{
  const double area = edge * edge, inertia = area * area / 12, length = (double)n * edge;

  *bending = *shear = 0;
  for (PetscInt i = 0; i < n; i++) {
    const double near = length - (double)i * edge, far = near - edge;
    *bending += (near * near * near - far * far * far) / (3 * E[i] * inertia);
    *shear += edge / (5.0 / 6 * G[i] * area);
  }
}

void SnaBeamCompare(PetscInt n, const double E[], const double target[], SnaBeamError *error)
{
  double difference = 0, energy = 0, tip = 0, mean = 0, residual = 0, variance = 0;

  error->local_max = error->local_rms = 0;
  for (PetscInt i = 0; i < n; i++) {
    const double near = (double)(n - i), far = near - 1,
                 m2    = (near * near * near - far * far * far) / 3; // int M^2 over the cell, edge 1
    const double local = E[i] / target[i] - 1;
    error->local_max   = PetscMax(error->local_max, PetscAbsReal(local));
    error->local_rms += local * local / (double)n;
    difference += m2 * target[i] * PetscSqr(1 / E[i] - 1 / target[i]);
    energy += m2 / target[i];
    tip += m2 / E[i];
    mean += target[i] / (double)n;
  }
  for (PetscInt i = 0; i < n; i++) {
    residual += PetscSqr(E[i] - target[i]);
    variance += PetscSqr(target[i] - mean);
  }
  error->local_rms = PetscSqrtReal(error->local_rms);
  error->energy    = PetscSqrtReal(difference / energy);
  error->tip       = tip / energy - 1;
  error->r2        = variance > 0 ? 1 - residual / variance : 0;
}

void SnaBeamRow(PetscInt n, const double C[][6][6], double row[6][6])
{
  double compliance = 0, share[6] = {0}, shear[6] = {0}, mean[6][6] = {{0}};

  for (PetscInt l = 0; l < n; l++) {
    compliance += 1 / (C[l][0][0] * (double)n);
    for (int i = 1; i < 3; i++) {
      share[i] += C[l][0][i] / (C[l][0][0] * (double)n);
      for (int j = 1; j < 3; j++) mean[i][j] += (C[l][i][j] - C[l][0][i] * C[l][0][j] / C[l][0][0]) / (double)n;
    }
    mean[3][3] += C[l][3][3] / (double)n;
    for (int i = 4; i < 6; i++) shear[i] += 1 / (C[l][i][i] * (double)n);
  }
  for (int i = 0; i < 6; i++)
    for (int j = 0; j < 6; j++) row[i][j] = mean[i][j] + share[i] * share[j] / compliance;
  row[0][0] = 1 / compliance;
  for (int i = 1; i < 3; i++) row[0][i] = row[i][0] = share[i] / compliance;
  for (int i = 4; i < 6; i++) row[i][i] = 1 / shear[i];
}
