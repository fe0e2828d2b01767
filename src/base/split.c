// split.c - the one way in which n things are dealt to ranks in contiguous shares.
#include <sna/base.h>

void SnaSplit(PetscInt n, PetscMPIInt size, PetscMPIInt rank, PetscInt *first, PetscInt *count)
{
  const PetscInt each = n / size, more = n % size;

  *first = rank * each + PetscMin((PetscInt)rank, more);
  *count = each + (rank < more ? 1 : 0);
}
