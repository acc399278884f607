metadata description = 'Who the machines are. What they may do with the store is said there, on its container.'

@description('The identity\'s name.')
param identityName string

@description('Where everything is.')
param location string

@description('Whether machines may deallocate machines of this resource group: themselves, when nothing is ready.')
param mayDeallocate bool

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: identityName
  location: location
}

// No role of Azure's own has this action without many others. What a stolen identity could do with it is what Azure does to spot machines anyway.
resource deallocation 'Microsoft.Authorization/roleDefinitions@2022-04-01' = if (mayDeallocate) {
  name: guid(resourceGroup().id, identityName, 'deallocate')
  properties: {
    roleName: 'Slowrun machine that ends itself (${uniqueString(resourceGroup().id, identityName)})'
    description: 'Deallocates virtual machines, and nothing else.'
    type: 'CustomRole'
    assignableScopes: [resourceGroup().id]
    permissions: [
      {
        actions: ['Microsoft.Compute/virtualMachines/deallocate/action']
      }
    ]
  }
}

resource mayEnd 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (mayDeallocate) {
  name: guid(resourceGroup().id, identity.id, 'deallocate')
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: deallocation.id
  }
}

@description('Whom roles are given to.')
output principalId string = identity.properties.principalId
